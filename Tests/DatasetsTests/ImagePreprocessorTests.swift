import Datasets
import Packages
import Testing

@Suite struct ImagePreprocessorTests {
    private func convert(_ images: ImageSet, at index: Int, side: Int, mean: [Float], std: [Float]) -> [Float] {
        let preprocessor = ImagePreprocessor(
            channels: images.channels, height: images.height, width: images.width, size: .init(side), mean: mean,
            std: std)
        var result = [Float](repeating: .nan, count: images.channels * side * side)
        result.withUnsafeMutableBufferPointer { preprocessor.convert(images, at: index, into: $0) }
        return result
    }

    @Test func theSameSizeOnlyNormalises() {
        let images = ImageSet(channels: 2, height: 1, width: 1, count: 2, pixels: [0, 0, 255, 51])

        let result = convert(images, at: 1, side: 1, mean: [0.5, 0.1], std: [0.5, 0.2])
        #expect(abs(result[0] - 1) < 1e-6 && abs(result[1] - 0.5) < 1e-6)
    }

    @Test func heightAndWidthMayDiffer() {
        let images = ImageSet(channels: 1, height: 2, width: 4, count: 1, pixels: [0, 1, 2, 3, 10, 11, 12, 13])
        let preprocessor = ImagePreprocessor(
            channels: 1, height: 2, width: 4, size: ImageSize(height: 4, width: 2), mean: [0], std: [1 / 255])
        var result = [Float](repeating: .nan, count: 8)
        result.withUnsafeMutableBufferPointer { preprocessor.convert(images, at: 0, into: $0) }
        let expected: [Float] = [0.5, 2.5, 3, 5, 8, 10, 10.5, 12.5]
        #expect(zip(result, expected).allSatisfy { abs($0 - $1) < 1e-4 }, "\(result)")
    }

    /// Values of PyTorch's `interpolate(mode: "bilinear", align_corners: false)` for a ramp of four to three and two.
    @Test(arguments: [
        (3, [0.1666667, 1.5, 2.8333333]), (2, [0.5, 2.5]), (8, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]),
    ])
    func rampsAreSampledAtHalfPixelCentres(side: Int, expected: [Float]) {
        let images = ImageSet(
            channels: 1, height: 4, width: 4, count: 1, pixels: (0..<16).map { UInt8($0 % 4) })

        let result = convert(images, at: 0, side: side, mean: [0], std: [1 / 255])
        for row in 0..<side {
            for column in 0..<side { #expect(abs(result[row * side + column] - expected[column]) < 1e-5) }
        }
    }
}
