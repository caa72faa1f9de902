import SearchSpace

extension PerceptronTrainer {
    /// Parameters of one layer with Adam's moments.
    struct Parameters {
        var values: [Float]
        var gradients: [Float]
        private var means: [Float]
        private var squares: [Float]
        /// Powers of the moments' decay rates, which correct their start at zero.
        private var meanDecay: Float = 1
        private var squareDecay: Float = 1

        init(_ count: Int) {
            values = Array(repeating: 0, count: count)
            (gradients, means, squares) = (values, values, values)
        }

        /// Uniform values of deviation `spread`.
        init(_ count: Int, spread: Float, _ generator: inout SeededGenerator) {
            self.init(count)
            let bound = spread * Float(3).squareRoot()
            for index in 0..<count { values[index] = Float.random(in: -bound...bound, using: &generator) }
        }

        /// One step of Adam; the gradients are zero afterwards.
        mutating func update(rate: Float, decay: Float) {
            meanDecay *= 0.9
            squareDecay *= 0.999
            let (meanScale, squareScale) = (1 / (1 - meanDecay), 1 / (1 - squareDecay))
            let count = values.count
            values.withUnsafeMutableBufferPointer { values in
                gradients.withUnsafeMutableBufferPointer { gradients in
                    means.withUnsafeMutableBufferPointer { means in
                        squares.withUnsafeMutableBufferPointer { squares in
                            for index in 0..<count {
                                let gradient = gradients[index]
                                let mean = 0.9 * means[index] + 0.1 * gradient
                                let square = 0.999 * squares[index] + 0.001 * gradient * gradient
                                (means[index], squares[index]) = (mean, square)
                                let step = mean * meanScale / ((square * squareScale).squareRoot() + 1e-8)
                                values[index] -= rate * (step + decay * values[index])
                                gradients[index] = 0
                            }
                        }
                    }
                }
            }
        }
    }

    /// Loops over neighbours in a form that vectorises.
    enum Vectors {
        /// `target[targetStart...] += factor x source[start...]`, `count` values.
        static func add(
            _ source: [Float], _ start: Int, _ factor: Float, to target: inout [Float], _ targetStart: Int,
            _ count: Int
        ) {
            source.withUnsafeBufferPointer { source in
                target.withUnsafeMutableBufferPointer { target in
                    let source = UnsafeBufferPointer(rebasing: source[start..<(start + count)])
                    let target = UnsafeMutableBufferPointer(rebasing: target[targetStart..<(targetStart + count)])
                    for index in 0..<count { target[index] += factor * source[index] }
                }
            }
        }

        static func rectify(_ values: inout [Float]) {
            for index in values.indices { values[index] = max(0, values[index]) }
        }

        /// Eight sums side by side. `count` is a multiple of 8.
        static func dot(_ first: [Float], _ start: Int, _ second: [Float], _ secondStart: Int, _ count: Int) -> Float {
            first.withUnsafeBufferPointer { first in
                second.withUnsafeBufferPointer { second in
                    let first = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: first[start..<(start + count)]))
                    let second = UnsafeRawBufferPointer(
                        UnsafeBufferPointer(rebasing: second[secondStart..<(secondStart + count)]))
                    var sum = SIMD8<Float>.zero
                    for offset in stride(from: 0, to: count * 4, by: 32) {
                        let a = first.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                        sum += a * second.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                    }
                    return sum.sum()
                }
            }
        }
    }
}
