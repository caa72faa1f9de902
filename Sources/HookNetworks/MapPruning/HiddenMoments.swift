import Engine

/// Mean and covariance of what the convolution after a hidden map reads, over sampled pixels of unlabelled images: all
/// that a least-squares fit of the convolution to fewer channels needs.
struct HiddenMoments {
    let channels: Int
    let taps: Int
    /// Values of a sample: channel by channel, its taps in rows.
    let columns: Int
    private let rowLimit: Int
    private let pixelsPerImage: Int
    private var rows: [Float] = []

    private static let rowsPerColumn = 12
    private static let fewestPerColumn = 2
    /// Of the mean of the diagonal.
    private static let ridge = 1e-3

    /// - Parameters:
    ///   - taps: rows and columns of the convolution's window, centred.
    ///   - images: how many are to be sampled.
    init(channels: Int, taps: Int, images: Int) {
        (self.channels, self.taps) = (channels, taps)
        columns = channels * taps * taps
        rowLimit = Self.rowsPerColumn * columns
        pixelsPerImage = max(8, (rowLimit + images - 1) / max(1, images))
    }

    var count: Int { rows.count / columns }
    var isFull: Bool { count >= rowLimit }

    /// Samples some pixels of one map, in the kernels' layout.
    mutating func add(
        _ map: UnsafePointer<Float>, height: Int, width: Int, using generator: inout some RandomNumberGenerator
    ) {
        for _ in 0..<min(pixelsPerImage, height * width) where !isFull {
            let row = Int.random(in: 0..<height, using: &generator)
            let column = Int.random(in: 0..<width, using: &generator)
            for channel in 0..<channels {
                for tap in 0..<taps * taps {
                    let (y, x) = (row + tap / taps - taps / 2, column + tap % taps - taps / 2)
                    let isInside = y >= 0 && y < height && x >= 0 && x < width
                    let place = ((channel / 16) * height * width + y * width + x) * 16 + channel % 16
                    rows.append(isInside ? map[place] : 0)
                }
            }
        }
    }

    /// - Returns: `nil` where there are too few samples.
    func moments() -> (mean: [Double], covariance: [Double])? {
        guard count >= Self.fewestPerColumn * columns else { return nil }
        var mean = [Double](repeating: 0, count: columns)
        for row in 0..<count {
            for column in 0..<columns { mean[column] += Double(rows[row * columns + column]) }
        }
        for column in 0..<columns { mean[column] /= Double(count) }
        var total = products(mean.map { Float($0) })
        let trace = (0..<columns).reduce(0) { $0 + total[$1 * columns + $1] }
        for row in 0..<columns {
            for column in 0..<row { total[column * columns + row] = total[row * columns + column] }
        }
        for index in 0..<columns { total[index * columns + index] += Self.ridge * trace / Double(columns) }
        let size = Double(count)
        for index in total.indices { total[index] /= size }
        return (mean, total)
    }

    /// Sums of products of deviations from the mean, below the diagonal. A batch of samples stays in a near cache;
    /// 32-bit sums stay exact enough over one.
    private func products(_ mean: [Float]) -> [Double] {
        let batch = 256
        var total = [Double](repeating: 0, count: columns * columns)
        var sum = [Float](repeating: 0, count: columns)
        var centred = [Float](repeating: 0, count: batch * columns)
        for start in stride(from: 0, to: count, by: batch) {
            let size = min(batch, count - start)
            for index in 0..<size * columns { centred[index] = rows[start * columns + index] - mean[index % columns] }
            centred.withUnsafeBufferPointer { centred in
                sum.withUnsafeMutableBufferPointer { sum in
                    for index in 0..<columns {
                        for other in 0...index { sum[other] = 0 }
                        for row in 0..<size {
                            let line = UnsafeBufferPointer(rebasing: centred[row * columns..<(row + 1) * columns])
                            let value = line[index]
                            for other in 0...index { sum[other] += value * line[other] }
                        }
                        for other in 0...index { total[index * columns + other] += Double(sum[other]) }
                    }
                }
            }
        }
        return total
    }
}
