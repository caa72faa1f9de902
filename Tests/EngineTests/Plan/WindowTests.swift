import Engine
import Testing

@Suite struct WindowTests {
    private static func shape(_ height: Int, _ width: Int) -> PlanOperation.Shape {
        .init(channels: 5, height: height, width: width)
    }

    @Test func outputFollowsTheFormula() {
        #expect(Window(kernel: 7, stride: 2, padding: 3).output(of: Self.shape(224, 225), channels: 64)
            == .init(channels: 64, height: 112, width: 113))
        #expect(Window(kernel: .init(3, 3), dilation: .init(2, 3)).output(of: Self.shape(9, 9), channels: 1)
            == .init(channels: 1, height: 5, width: 3))
    }

    @Test func aWindowThatDoesNotFitHasNoOutput() {
        #expect(Window(kernel: 5, padding: 1).output(of: Self.shape(2, 9), channels: 1) == nil)
        #expect(Window(kernel: 5, padding: 1).output(of: Self.shape(3, 9), channels: 1)?.height == 1)
    }

    /// A last window that would begin behind the map is left out, as in PyTorch and ONNX.
    @Test func roundingUpAddsAWindowThatBeginsInside() {
        let window = Window(kernel: 2, stride: 2)
        #expect(window.output(of: Self.shape(7, 8), channels: 5, roundsUp: true) == Self.shape(4, 4))
        #expect(Window(kernel: 1, stride: 3).output(of: Self.shape(5, 5), channels: 5, roundsUp: true)?.height == 2)
        #expect(Window(kernel: 2, stride: 2, padding: 1).output(of: Self.shape(3, 3), channels: 5, roundsUp: true)?
            .height == 2)
    }
}
