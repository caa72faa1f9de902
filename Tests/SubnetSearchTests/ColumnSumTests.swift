import CKernels
import SearchSpace
import Testing

/// Sums of columns by the fastest instruction set of this machine and by the base one.
@Suite struct ColumnSumTests {
    @Test(arguments: [0, 1, 3, 4, 5, 8, 30], [true, false])
    func everyInstructionSetGivesTheSameBits(active: Int, hasAmounts: Bool) {
        var generator = SeededGenerator(seed: 5)
        let (inputs, blocks, vectors, width) = (31, 3, 5, Int(CK_LANES))
        let weights = (0..<blocks * inputs * width).map { _ in Float.random(in: -1...1, using: &generator) }
        let bias = (0..<blocks * width).map { _ in Float.random(in: -1...1, using: &generator) }
        let places = (0..<vectors * inputs).map { _ in Int32.random(in: 0..<Int32(inputs), using: &generator) }
        let amounts = (0..<vectors * inputs).map { _ in Float.random(in: 0...1, using: &generator) }
        let counts = [Int32](repeating: Int32(active), count: vectors)
        func sums(_ body: (UnsafePointer<ck_columns>) -> Void) -> [UInt32] {
            var values = [Float](repeating: .nan, count: vectors * blocks * width)
            var buffers = (weights, bias, places, amounts, counts)
            values.withUnsafeMutableBufferPointer { values in
                buffers.0.withUnsafeMutableBufferPointer { weights in
                    buffers.1.withUnsafeMutableBufferPointer { bias in
                        buffers.2.withUnsafeMutableBufferPointer { places in
                            buffers.3.withUnsafeMutableBufferPointer { amounts in
                                buffers.4.withUnsafeMutableBufferPointer { counts in
                                    var columns = ck_columns(
                                        weights: weights.baseAddress, bias: bias.baseAddress,
                                        places: places.baseAddress,
                                        amounts: hasAmounts ? UnsafePointer(amounts.baseAddress) : nil,
                                        counts: counts.baseAddress, values: values.baseAddress,
                                        place_stride: Int64(inputs), value_stride: Int64(blocks * width),
                                        inputs: Int32(inputs), blocks: Int32(blocks), count: Int32(vectors))
                                    body(&columns)
                                }
                            }
                        }
                    }
                }
            }
            return values.map(\.bitPattern)
        }
        let fastest = sums(ck_sum_columns)
        #expect(fastest == sums(ck_sum_columns_portable))
        for index in fastest.indices {
            let (vector, value) = index.quotientAndRemainder(dividingBy: blocks * width)
            let (block, lane) = value.quotientAndRemainder(dividingBy: width)
            let expected = (0..<active).reduce(Double(bias[value])) { sum, place in
                let at = vector * inputs + place
                let weight = Double(weights[(block * inputs + Int(places[at])) * width + lane])
                return sum + weight * (hasAmounts ? Double(amounts[at]) : 1)
            }
            #expect(abs(Double(Float(bitPattern: fastest[index])) - expected) < 1e-4)
        }
    }
}
