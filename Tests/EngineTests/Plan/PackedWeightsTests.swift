import Testing

@testable import Engine

@Suite struct PackedWeightsTests {
    @Test func everyFormIsPackedOnce() {
        let weights = PackedWeights()
        var count = 0
        func make() -> PackedConvolution {
            count += 1
            return PackedConvolution(weight: (0..<64).map { Float($0) }, outputChannels: 8, rows: 8)
        }
        let first = weights.packed("a", .float32, make)
        #expect(weights.packed("a", .float32, make).weights.base == first.weights.base)
        let narrow = weights.packed("a", .bfloat16, make)
        #expect(narrow.element == .bfloat16 && narrow.weights.base != first.weights.base)
        #expect(weights.packed("b", .float32, make).weights.base != first.weights.base)
        #expect(count == 3 && weights.byteCount == 2 * first.byteCount + narrow.byteCount)

        let filter = QuantizedConvolution(
            values: [Int8](repeating: 1, count: 64), inputChannels: 8, outputChannels: 8, window: Window(kernel: 1),
            isDepthwise: false, zero: 3)
        let before = weights.byteCount
        #expect(weights.quantized("a") { filter }.weights.base == filter.weights.base)
        #expect(weights.byteCount == before + filter.weights.byteCount + filter.start.byteCount)
    }
}
