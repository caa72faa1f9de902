import Engine

/// What a least-squares fit of the convolution that reads a hidden map needs, over sampled pixels of unlabelled images:
/// means and covariance of what it reads, and how that goes with what its result misses.
///
/// The map comes out of a network in which something before it is left out already. What the result misses is
/// W (h - h') + (x - x'), h and x being what the whole network reads there and adds, h' and x' what this one does: the
/// convolution fitted to make up for it mends what those before it have done (He, Zhang, Sun 2017).
struct MapMoments {
    let channels: Int
    let taps: Int
    /// Values of a sample: channel by channel, its taps in rows.
    let columns: Int
    let outputs: Int
    let pixelsPerImage: Int
    private(set) var count = 0
    /// Subtracted from all values, so that their squares stay small: the first batch's means.
    private var shift: [Float] = []
    private var sums: [Double]
    private var missed: [Double]
    /// Below the diagonal.
    private var squares: [Double]
    /// `[output][column]`
    private var products: [Double]
    private var batch: [Float] = []
    private var batchMissed: [Float] = []

    private static let rowsPerColumn = 12
    private static let fewestPerColumn = 2
    private static let batchRows = 256
    /// Of the mean of the diagonal.
    private static let ridge = 1e-3

    /// - Parameters:
    ///   - taps: rows and columns of the convolution's window, centred.
    ///   - images: how many are to be sampled.
    init(channels: Int, taps: Int, outputs: Int, images: Int) {
        (self.channels, self.taps, self.outputs) = (channels, taps, outputs)
        columns = channels * taps * taps
        pixelsPerImage = max(8, (Self.rowsPerColumn * columns + images - 1) / max(1, images))
        sums = [Double](repeating: 0, count: columns)
        missed = [Double](repeating: 0, count: outputs)
        squares = [Double](repeating: 0, count: columns * columns)
        products = [Double](repeating: 0, count: outputs * columns)
    }

    /// What the convolution reads around pixels of a map in the kernels' layout, sample by sample.
    func samples(_ map: UnsafePointer<Float>, height: Int, width: Int, at pixels: [Int]) -> [Float] {
        var result = [Float](repeating: 0, count: pixels.count * columns)
        for (sample, pixel) in pixels.enumerated() {
            let (row, column) = (pixel / width, pixel % width)
            for channel in 0..<channels {
                let plane = (channel / 16) * height * width
                for tap in 0..<taps * taps {
                    let (y, x) = (row + tap / taps - taps / 2, column + tap % taps - taps / 2)
                    guard y >= 0, y < height, x >= 0, x < width else { continue }
                    result[sample * columns + channel * taps * taps + tap] =
                        map[(plane + y * width + x) * 16 + channel % 16]
                }
            }
        }
        return result
    }

    /// - Parameters:
    ///   - read: what the convolution reads, `[sample][column]`.
    ///   - whole: what it reads in the whole network.
    ///   - added: what its result misses besides, `[sample][output]`.
    ///   - weights: `[output][column]`
    mutating func add(_ read: [Float], whole: [Float], added: [Float], weights: [Float]) {
        precondition(read.count == whole.count && read.count * outputs == added.count * columns, "unequal samples")
        batch += read
        let start = batchMissed.count
        batchMissed += added
        let isWhole = read == whole
        let samples = read.count / columns
        for sample in 0..<samples where !isWhole {
            var change = [Float](repeating: 0, count: columns)
            for index in 0..<columns {
                change[index] = whole[sample * columns + index] - read[sample * columns + index]
            }
            for output in 0..<outputs {
                batchMissed[start + sample * outputs + output] += Self.product(change, weights, output * columns)
            }
        }
        while batch.count >= Self.batchRows * columns { flush(Self.batchRows) }
    }

    private static func product(_ values: [Float], _ weights: [Float], _ start: Int) -> Float {
        var sums = SIMD16<Float>.zero
        values.withUnsafeBytes { values in
            weights.withUnsafeBytes { weights in
                var index = 0
                let count = values.count / 4
                while index + 16 <= count {
                    sums +=
                        values.loadUnaligned(fromByteOffset: 4 * index, as: SIMD16<Float>.self)
                        * weights.loadUnaligned(fromByteOffset: 4 * (start + index), as: SIMD16<Float>.self)
                    index += 16
                }
                while index < count {
                    sums[0] +=
                        values.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
                        * weights.loadUnaligned(fromByteOffset: 4 * (start + index), as: Float.self)
                    index += 1
                }
            }
        }
        return sums.sum()
    }

    /// Adds the first rows of the batch to the sums. 32-bit sums stay exact enough over one, which stays in a near
    /// cache.
    private mutating func flush(_ rows: Int) {
        let columns = columns
        if shift.isEmpty {
            shift = (0..<columns).map { column in
                (0..<rows).reduce(0) { $0 + batch[$1 * columns + column] } / Float(rows)
            }
        }
        for row in 0..<rows { for column in 0..<columns { batch[row * columns + column] -= shift[column] } }
        batch.withUnsafeBufferPointer { batch in
            var sum = [Float](repeating: 0, count: columns)
            sum.withUnsafeMutableBufferPointer { sum in
                func collect(_ count: Int, _ factor: (Int) -> Float) {
                    for other in 0..<count { sum[other] = 0 }
                    for row in 0..<rows {
                        let (value, line) = (factor(row), row * columns)
                        guard value != 0 else { continue }
                        for other in 0..<count { sum[other] += value * batch[line + other] }
                    }
                }
                for index in 0..<columns {
                    collect(index + 1) { batch[$0 * columns + index] }
                    for other in 0...index { squares[index * columns + other] += Double(sum[other]) }
                }
                for output in 0..<outputs {
                    collect(columns) { batchMissed[$0 * outputs + output] }
                    for other in 0..<columns { products[output * columns + other] += Double(sum[other]) }
                    for row in 0..<rows { missed[output] += Double(batchMissed[row * outputs + output]) }
                }
                collect(columns) { _ in 1 }
                for other in 0..<columns { sums[other] += Double(sum[other]) }
            }
        }
        count += rows
        batch.removeFirst(rows * columns)
        batchMissed.removeFirst(rows * outputs)
    }

    /// - Parameters:
    ///   - weights: of the convolution, `[output][column]`.
    ///   - bias: of the convolution.
    /// - Returns: the convolution fitted to make up for what its result misses, and the moments of what it reads; `nil`
    ///   where there are too few samples.
    mutating func fit(weights: [Float], bias: [Float]) -> Fit? {
        if !batch.isEmpty { flush(batch.count / columns) }
        guard count >= Self.fewestPerColumn * columns else { return nil }
        let size = Double(count)
        let mean = sums.map { $0 / size }
        let meanMissed = missed.map { $0 / size }
        var covariance = [Double](repeating: 0, count: columns * columns)
        for row in 0..<columns {
            for column in 0...row {
                let value = squares[row * columns + column] / size - mean[row] * mean[column]
                covariance[row * columns + column] = value
                covariance[column * columns + row] = value
            }
        }
        let trace = (0..<columns).reduce(0) { $0 + covariance[$1 * columns + $1] }
        for index in 0..<columns { covariance[index * columns + index] += Self.ridge * trace / Double(columns) }
        let centre = zip(mean, shift).map { $0 + Double($1) }
        var fitted = weights.map { Double($0) }
        var shifted = zip(bias, meanMissed).map { Double($0) + $1 }
        guard products.contains(where: { $0 != 0 }) || missed.contains(where: { $0 != 0 }) else {
            return Fit(weights: fitted, bias: shifted, mean: centre, covariance: covariance)
        }
        guard let factor = Cholesky(covariance, size: columns) else { return nil }
        var right = [Double](repeating: 0, count: columns * outputs)
        for output in 0..<outputs {
            for column in 0..<columns {
                right[column * outputs + output] =
                    products[output * columns + column] / size - meanMissed[output] * mean[column]
            }
        }
        let change = factor.solve(right, columns: outputs)
        for output in 0..<outputs {
            for column in 0..<columns {
                let value = change[column * outputs + output]
                fitted[output * columns + column] += value
                shifted[output] -= value * centre[column]
            }
        }
        return Fit(weights: fitted, bias: shifted, mean: centre, covariance: covariance)
    }

    struct Fit {
        /// `[output][column]`
        var weights: [Double]
        var bias: [Double]
        var mean: [Double]
        var covariance: [Double]
    }
}
