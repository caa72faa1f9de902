import CKernels
import Fusion
import Testing

@testable import Engine

@Suite struct PlanOperationPartsTests {
    private static let weightBytes = 27 * 40 * 4

    /// Not the 16 channels that a map in blocks would have, but the border that the convolution reads.
    @Test func theImageIsReadPlanarWithItsBorder() throws {
        var fixture = Fixture(seed: 5)
        let weights = PackedConvolution(weight: fixture.values(27 * 40), outputChannels: 40, rows: 27)
        let finish = fixture.finish(channels: 40, CK_NONE).value
        let window = Window(kernel: 3, stride: 2, padding: 1)
        let outputBytes = 48 * 5 * 6 * 4
        for isStem in [true, false] {
            var builder = PlanBuilder(
                input: .init(channels: 3, height: 10, width: 12), kernels: KernelSet(.portable))
            builder.beginGroup("test")
            let map =
                isStem
                ? builder.stem("stem", weights, stride: 2, finish)
                : builder.imageConvolution("image", weights, window, finish)
            let operation = try #require(builder.build(output: map).operations.first)
            #expect(operation.kind == (isStem ? .stem : .imageConvolution))
            #expect(operation.bytes == 3 * 12 * 14 * 4 + outputBytes + Self.weightBytes)
        }
    }

    /// As bytes it has four a pixel, which the convolution after it reads.
    @Test func theImageAsBytesHasFourAPixel() {
        let scale = ByteScale(Quantization(scale: 0.1, zeroPoint: 3, isSigned: false))
        let window = Window(kernel: 3, stride: 2, padding: 1)
        let filter = QuantizedConvolution(
            values: [Int8](repeating: 1, count: 27 * 40), inputChannels: 3, outputChannels: 40, window: window,
            isDepthwise: false, zero: scale.zero)
        var builder = PlanBuilder(
            input: .init(channels: 3, height: 10, width: 12), border: .none, kernels: KernelSet(.portable))
        builder.beginGroup("test")
        let image = builder.quantizedImage("bytes", border: window.border, scale)
        _ = builder.convolved(
            "image", image, image.shape, filter, [Float](repeating: 1, count: 40), [Float](repeating: 0, count: 40),
            scale, .init(activation: .none, residual: nil, output: scale),
            to: .init(channels: 40, height: 5, width: 6), isImage: true)

        let bytes = builder.operations.map(\.bytes)
        #expect(bytes == [3 * 10 * 12 * 4 + 12 * 14 * 4, 12 * 14 * 4 + 48 * 5 * 6 + 27 * 40])
    }
}
