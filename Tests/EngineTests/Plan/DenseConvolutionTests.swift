import Engine
import Testing

@Suite struct DenseConvolutionTests {
    private static func method(
        _ side: Int, _ inputs: Int, _ outputs: Int, _ window: Window
    ) -> DenseConvolution.Method {
        .suited(to: window, input: .init(channels: inputs, height: side, width: side), outputs: outputs)
    }

    @Test func winogradIsForThreeByThreeWithoutStride() {
        let window = Window(kernel: 3, padding: 1)

        #expect(Self.method(56, 64, 64, window) == .winograd(side: 4))
        #expect(Self.method(7, 64, 64, window) == .winograd(side: 4))
        #expect(Self.method(7, 512, 512, window) == .winograd(side: 2))
        #expect(Self.method(56, 3, 64, window) == .direct)
        #expect(Self.method(56, 64, 64, Window(kernel: 3, stride: 2, padding: 1)) == .direct)
        #expect(Self.method(56, 64, 64, Window(kernel: 5, padding: 2)) == .direct)
    }
}
