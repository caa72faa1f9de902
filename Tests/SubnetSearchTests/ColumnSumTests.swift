import CKernels
import SearchSpace
import Testing

/// Sums of columns by the fastest instruction set of this machine and by the base one.
@Suite struct ColumnSumTests {
    /// Blocks around the size of a group; inputs in one slice and in several.
    @Test(arguments: [0, 1, 3, 4, 5, 8, 30, 300], [true, false])
    func everyInstructionSetGivesTheSameBits(active: Int, hasAmounts: Bool) {
        for blocks in [1, 3, 8, 9, 25] { check(active, hasAmounts, blocks: blocks) }
    }

    private func check(_ active: Int, _ hasAmounts: Bool, blocks: Int) {
        var generator = SeededGenerator(seed: 5)
        let (inputs, vectors, width) = (310, 5, Int(CK_LANES))
        let weights = (0..<blocks * inputs * width).map { _ in Float.random(in: -1...1, using: &generator) }
        let bias = (0..<blocks * width).map { _ in Float.random(in: -1...1, using: &generator) }
        let places = (0..<vectors).flatMap { _ in
            (0..<Int32(inputs)).shuffled(using: &generator).prefix(active).sorted()
                + Array(repeating: 0, count: inputs - active)
        }
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
                let weight = Double(weights[Self.start(block, blocks, inputs, Int(places[at])) + lane])
                return sum + weight * (hasAmounts ? Double(amounts[at]) : 1)
            }
            #expect(abs(Double(Float(bitPattern: fastest[index])) - expected) < 1e-4 * max(1, Double(active) / 30))
        }
    }

    /// Where a block's weights of an input begin, by the layout's definition.
    private static func start(_ block: Int, _ blocks: Int, _ inputs: Int, _ input: Int) -> Int {
        var (first, start) = (0, 0)
        while true {
            let group = Int(ck_column_group(Int32(blocks - first)))
            #expect((1...Int(CK_COLUMN_GROUP)).contains(group))
            if block < first + group { return start + (input * group + block - first) * Int(CK_LANES) }
            first += group
            start += inputs * group * Int(CK_LANES)
        }
    }

    @Test(arguments: [1, 15, 16, 17, 400])
    func valuesAboveZeroAreFoundAndSummed(count: Int) {
        var generator = SeededGenerator(seed: 6)
        let blocks = (count + 15) / 16
        var values = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        values[0] = -0.0
        let padded = values + Array(repeating: .nan, count: blocks * 16 - count)
        typealias Compact = (UnsafePointer<Float>, Int32, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>) ->
            Int32
        for compact: Compact in [{ ck_compact($0, $1, $2, $3) }, { ck_compact_portable($0, $1, $2, $3) }] {
            var places = [Int32](repeating: -1, count: count + 16)
            var amounts = [Float](repeating: .nan, count: count + 16)
            let found = Int(compact(padded, Int32(count), &places, &amounts))
            let expected = values.indices.filter { values[$0] > 0 }
            #expect(places.prefix(found).map(Int.init) == expected)
            #expect(amounts.prefix(found).elementsEqual(expected.map { values[$0] }))
        }
        let weights = (0..<blocks * 16).map { _ in Float.random(in: -1...1, using: &generator) }
        let whole = values + Array(repeating: 0, count: blocks * 16 - count)
        let sum = ck_dot_above_zero(whole, weights, Int32(blocks))
        #expect(sum.bitPattern == ck_dot_above_zero_portable(whole, weights, Int32(blocks)).bitPattern)
        let expected = zip(whole, weights).reduce(0.0) { $0 + Double(max(0, $1.0)) * Double($1.1) }
        #expect(abs(Double(sum) - expected) < 1e-4)
    }
}
