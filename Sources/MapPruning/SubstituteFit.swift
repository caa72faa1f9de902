/// Fits the 3x3 convolution that replaces a run of blocks: `max(convolution(x) + bias + x, 0)` is to equal what the
/// blocks make of x, by least squares over sampled pixels of unlabelled images.
///
/// Where the blocks gave 0, anything below 0 is as good: such targets are replaced by the fit's own negative values and
/// the fit repeated, as for a censored regression (Tobin 1958).
public struct SubstituteFit {
    let channels: Int
    private let columns: Int
    private let rowLimit: Int
    private let iterations: Int
    /// Row by row: 9 values per channel, then 1.
    private var patches: [Float] = []
    /// Row by row: the map before, and after the blocks.
    private var inputs: [Float] = []
    private var targets: [Float] = []

    private static let pixelsPerImage = 16
    /// Of the mean of the diagonal.
    private static let ridge = 1e-3

    /// - Parameters:
    ///   - byteLimit: Memory of the sampled pixels.
    ///   - iterations: Fits, each with the one before's values where the blocks gave 0. Six come near enough for maps
    ///     of which half is 0; the more is, the more it takes.
    public init(channels: Int, byteLimit: Int, iterations: Int = 6) {
        self.channels = channels
        self.iterations = iterations
        columns = 9 * channels + 1
        rowLimit = max(columns, byteLimit / (MemoryLayout<Float>.stride * (columns + 2 * channels)))
    }

    var rows: Int { targets.count / channels }
    public var isFull: Bool { rows >= rowLimit }

    /// Samples some pixels of one image.
    /// - Parameters: maps in the kernels' layout, blocks of 16 channels.
    public mutating func add(
        before: UnsafePointer<Float>, after: UnsafePointer<Float>, height: Int, width: Int,
        using generator: inout some RandomNumberGenerator
    ) {
        func value(_ map: UnsafePointer<Float>, _ channel: Int, _ row: Int, _ column: Int) -> Float {
            map[((channel / 16) * height * width + row * width + column) * 16 + channel % 16]
        }
        for _ in 0..<Self.pixelsPerImage where !isFull {
            let (row, column) = (
                Int.random(in: 0..<height, using: &generator), Int.random(in: 0..<width, using: &generator)
            )
            for channel in 0..<channels {
                for tap in 0..<9 {
                    let (y, x) = (row + tap / 3 - 1, column + tap % 3 - 1)
                    let isInside = y >= 0 && y < height && x >= 0 && x < width
                    patches.append(isInside ? value(before, channel, y, x) : 0)
                }
                inputs.append(value(before, channel, row, column))
                targets.append(value(after, channel, row, column))
            }
            patches.append(1)
        }
    }

    /// - Returns: the convolution, or `nil` where there are too few pixels to fit it.
    public func solve() -> LinearMap? {
        guard rows >= 2 * columns, let factor = Cholesky(gram(), size: columns) else { return nil }
        var (solution, wanted) = ([Double](), zip(targets, inputs).map { $0 - $1 })
        for iteration in 0..<iterations {
            solution = factor.solve(moments(wanted), columns: channels)
            if iteration + 1 < iterations { censor(&wanted, solution) }
        }
        // From [patch value][output] to [output][input][tap].
        var weights = [Float](repeating: 0, count: 9 * channels * channels)
        for output in 0..<channels {
            for index in 0..<9 * channels {
                weights[output * 9 * channels + index] = Float(solution[index * channels + output])
            }
        }
        let bias = (0..<channels).map { Float(solution[9 * channels * channels + $0]) }
        return LinearMap(weights: weights, bias: bias)
    }

    /// Patches times patches, with the ridge.
    private func gram() -> [Double] {
        var sum = [Float](repeating: 0, count: columns * columns)
        var total = [Double](repeating: 0, count: columns * columns)
        patches.withUnsafeBufferPointer { patches in
            for row in 0..<rows {
                let patch = UnsafeBufferPointer(rebasing: patches[row * columns..<(row + 1) * columns])
                sum.withUnsafeMutableBufferPointer { sum in
                    for index in 0..<columns where patch[index] != 0 {
                        let (value, start) = (patch[index], index * columns)
                        for other in 0...index { sum[start + other] += value * patch[other] }
                    }
                }
                // 32-bit sums stay exact enough over some hundreds of rows.
                if row % 256 == 255 || row + 1 == rows {
                    for index in sum.indices {
                        total[index] += Double(sum[index])
                        sum[index] = 0
                    }
                }
            }
        }
        let trace = (0..<columns).reduce(0) { $0 + total[$1 * columns + $1] }
        for index in 0..<columns { total[index * columns + index] += Self.ridge * trace / Double(columns) }
        return total
    }

    /// Patches times what is wanted: `[patch value][output]`.
    private func moments(_ wanted: [Float]) -> [Double] {
        var sum = [Float](repeating: 0, count: columns * channels)
        var total = [Double](repeating: 0, count: columns * channels)
        for row in 0..<rows {
            patches.withUnsafeBufferPointer { patches in
                wanted.withUnsafeBufferPointer { wanted in
                    sum.withUnsafeMutableBufferPointer { sum in
                        for index in 0..<columns where patches[row * columns + index] != 0 {
                            let value = patches[row * columns + index]
                            for output in 0..<channels {
                                sum[index * channels + output] += value * wanted[row * channels + output]
                            }
                        }
                    }
                }
            }
            if row % 256 == 255 || row + 1 == rows {
                for index in sum.indices {
                    total[index] += Double(sum[index])
                    sum[index] = 0
                }
            }
        }
        return total
    }

    private func censor(_ wanted: inout [Float], _ solution: [Double]) {
        let weights = solution.map { Float($0) }
        var result = [Float](repeating: 0, count: channels)
        for row in 0..<rows {
            result.withUnsafeMutableBufferPointer { result in
                result.update(repeating: 0)
                patches.withUnsafeBufferPointer { patches in
                    weights.withUnsafeBufferPointer { weights in
                        for index in 0..<columns where patches[row * columns + index] != 0 {
                            let value = patches[row * columns + index]
                            for output in 0..<channels { result[output] += value * weights[index * channels + output] }
                        }
                    }
                }
            }
            for output in 0..<channels {
                let place = row * channels + output
                guard targets[place] <= 0 else { continue }
                wanted[place] = min(result[output], -inputs[place])
            }
        }
    }
}
