import CKernels
import Testing

@testable import Engine

/// Convolutions of bytes against sums in integers: the sums are exact, the bytes differ by one at most, where the value
/// lies between two.
@Suite struct QuantizedConvolutionTests {
    struct Layer {
        let map: ByteMap
        let weights: [Int8]
        let outputs: Int
        let window: Window
        var isDepthwise = false
        var zero = 0
        var isImage = false
    }

    static let shapes: [(channels: Int, outputs: Int, height: Int, width: Int)] = [
        (1, 5, 8, 8), (3, 16, 14, 13), (16, 16, 7, 7), (17, 33, 9, 6), (40, 24, 12, 31), (20, 70, 17, 60),
        (64, 64, 5, 5), (7, 100, 7, 7), (130, 20, 9, 9), (73, 130, 6, 5),
    ]
    static let windows = [
        Window(kernel: 1), Window(kernel: 1, stride: 2), Window(kernel: 3, padding: 1),
        Window(kernel: 3, stride: 2, padding: 1), Window(kernel: 5, stride: 3, padding: 2),
        Window(kernel: .init(1, 5), stride: .init(2, 1), border: .init(top: 0, left: 3, bottom: 2, right: 1)),
        Window(kernel: .init(3, 2), stride: .init(1, 3), border: .init(top: 1, left: 0, bottom: 0, right: 1)),
        Window(kernel: .init(3, 3), dilation: .init(2, 1), border: .init(top: 2, left: 1, bottom: 2, right: 1)),
    ]
    static let filters =
        [1, 3, 5, 7, 9].flatMap { kernel in (1...3).map { Window(kernel: kernel, stride: $0, padding: kernel / 2) } }
        + [
            Window(kernel: .init(3, 3), stride: .init(2, 2), border: .init(top: 0, left: 0, bottom: 1, right: 1)),
            Window(kernel: .init(2, 5), stride: .init(1, 2), border: .init(top: 1, left: 2, bottom: 0, right: 2)),
            Window(kernel: .init(3, 3), dilation: .init(2, 2), border: Window.Border(2)),
        ]

    /// The layer by one kernel, with an output of floats, or of bytes in `output`'s scale.
    static func run(_ layer: Layer, _ name: String, scale: Float = 1, shift: Float = 0, table: [UInt8]? = nil)
        -> (reals: [Float], bytes: [UInt8])
    {
        let filter = QuantizedConvolution(
            values: layer.weights, inputChannels: layer.map.channels, outputChannels: layer.outputs,
            window: layer.window, isDepthwise: layer.isDepthwise, zero: layer.zero)
        let map = layer.isDepthwise ? layer.map : layer.map.bordered(layer.window.border, layer.zero)
        let (_, shape) = layer.map.sums([], outputs: 0, layer.window, isDepthwise: false, zero: 0)
        let output = PlanOperation.Shape(channels: layer.outputs, height: shape.height, width: shape.width)
        let input = layer.isImage ? image(map, layer.zero) : map.blocked
        let scales = Epilogue(
            scale: [Float](repeating: scale, count: layer.outputs),
            shift: [Float](repeating: shift, count: layer.outputs))
        // A little room, whose bytes must stay as they are.
        var reals = [Float](repeating: -1, count: output.storage + 16)
        var bytes = [UInt8](repeating: 77, count: output.storage + 16)
        input.withUnsafeBufferPointer { input in
            reals.withUnsafeMutableBytes { reals in
                bytes.withUnsafeMutableBytes { bytes in
                    for isReal in [true, false] {
                        var epilogue = ck_quantized_epilogue()
                        epilogue.start = UnsafeRawPointer(filter.start.base).assumingMemoryBound(to: Int32.self)
                        epilogue.scale = scales.scale
                        epilogue.shift = scales.shift
                        epilogue.is_real = isReal ? 1 : 0
                        epilogue.high = 255
                        let target = isReal ? reals.baseAddress : bytes.baseAddress
                        (table ?? []).withUnsafeBufferPointer { table in
                            epilogue.table = isReal ? nil : table.baseAddress
                            if table.isEmpty { epilogue.table = nil }
                            call(layer, name, input.baseAddress, target, filter, epilogue, map, output)
                        }
                    }
                }
            }
        }
        #expect(reals[output.storage...].allSatisfy { $0 == -1 } && bytes[output.storage...].allSatisfy { $0 == 77 })
        return (reals, bytes)
    }

    /// In three parts, the last one first.
    private static func call(
        _ layer: Layer, _ name: String, _ input: UnsafePointer<UInt8>?, _ target: UnsafeMutableRawPointer?,
        _ filter: QuantizedConvolution, _ epilogue: ck_quantized_epilogue, _ map: ByteMap,
        _ output: PlanOperation.Shape
    ) {
        let weights = UnsafeRawPointer(filter.weights.base).assumingMemoryBound(to: Int8.self)
        for part in [Int32(2), 1, 0] {
            if layer.isDepthwise {
                var call = ck_quantized_depthwise(
                    input: input, output: target, weights: weights, epilogue: epilogue, window: layer.window.call,
                    input_height: Int32(map.height), input_width: Int32(map.width),
                    output_height: Int32(output.height), output_width: Int32(output.width),
                    blocks: Int32(output.blocks), zero: Int32(layer.zero))
                QuantizedSample.kernel(CK_OP_QUANTIZED_DEPTHWISE, name)(&call, part, 3)
            } else {
                var call = ck_quantized_convolution(
                    input: input, output: target, weights: weights, epilogue: epilogue, window: layer.window.call,
                    input_height: Int32(map.height), input_width: Int32(map.width),
                    output_height: Int32(output.height), output_width: Int32(output.width),
                    input_channels: Int32(map.channels), output_blocks: Int32(output.blocks),
                    is_image: layer.isImage ? 1 : 0)
                QuantizedSample.kernel(CK_OP_QUANTIZED_CONVOLUTION, name)(&call, part, 3)
            }
        }
    }

    /// Pixel by pixel, four bytes each.
    private static func image(_ map: ByteMap, _ zero: Int) -> [UInt8] {
        (0..<map.height * map.width).flatMap { pixel in
            (0..<4).map { $0 < map.channels ? map.values[$0 * map.height * map.width + pixel] : UInt8(zero) }
        }
    }

    static func check(_ layer: Layer, _ name: String, seed: UInt64) {
        let (sums, shape) = layer.map.sums(
            layer.weights, outputs: layer.outputs, layer.window, isDepthwise: layer.isDepthwise, zero: layer.zero)
        // About half of the bytes saturate.
        let spread = (sums.map { Double($0 * $0) }.reduce(0, +) / Double(max(1, sums.count))).squareRoot()
        let scale = Float(100 / max(1, spread))
        let plain = run(layer, name, scale: scale, shift: 128.2)
        let exact = run(layer, name)
        let turned = run(layer, name, scale: scale, shift: 128.2, table: (0...255).map { UInt8(255 - $0) })
        var (wrongSums, wrongBytes) = (0, 0)
        for (index, sum) in sums.enumerated() {
            let (channel, pixel) = (index / shape.pixels, index % shape.pixels)
            if exact.reals.blocked(channel, pixel, pixels: shape.pixels) != Float(sum) { wrongSums += 1 }
            let value = (Double(sum) * Double(scale) + Double(Float(128.2))).rounded(.toNearestOrEven)
            let byte = Int(plain.bytes.blocked(channel, pixel, pixels: shape.pixels))
            if abs(byte - Int(min(max(value, 0), 255))) > 1 { wrongBytes += 1 }
            if Int(turned.bytes.blocked(channel, pixel, pixels: shape.pixels)) != 255 - byte { wrongBytes += 1 }
        }
        #expect(wrongSums == 0 && wrongBytes == 0, "\(name), \(layer.window), \(shape), seed \(seed)")
    }

    @Test(arguments: QuantizedSample.convolutionNames, [UInt64(1), .random(in: 0...UInt64.max)])
    func convolutionsOfMaps(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        for window in Self.windows {
            for shape in Self.shapes {
                let map = ByteMap(
                    channels: shape.channels, height: shape.height, width: shape.width,
                    values: sample.bytes(shape.channels * shape.height * shape.width))
                let weights = sample.weights(shape.outputs * shape.channels * window.taps)
                let layer = Layer(
                    map: map, weights: weights, outputs: shape.outputs, window: window, zero: sample.next() % 256)
                Self.check(layer, name, seed: seed)
            }
        }
    }

    @Test(arguments: QuantizedSample.convolutionNames, [UInt64(2), .random(in: 0...UInt64.max)])
    func convolutionsOfImages(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        for window in Self.windows + [Window(kernel: 7, stride: 2, padding: 3)] {
            for (channels, outputs, side) in [(3, 16, 33), (1, 20, 9), (4, 40, 12)] {
                let map = ByteMap(
                    channels: channels, height: side, width: side + 3,
                    values: sample.bytes(channels * side * (side + 3)))
                let layer = Layer(
                    map: map, weights: sample.weights(outputs * channels * window.taps), outputs: outputs,
                    window: window, zero: sample.next() % 256, isImage: true)
                Self.check(layer, name, seed: seed)
            }
        }
    }

    @Test(arguments: QuantizedSample.names, [UInt64(3), .random(in: 0...UInt64.max)])
    func depthwiseConvolutions(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        for window in Self.filters {
            for (channels, height, width) in [(16, 7, 7), (20, 14, 14), (3, 10, 29), (40, 5, 12), (150, 3, 4)] {
                let map = ByteMap(
                    channels: channels, height: height, width: width, values: sample.bytes(channels * height * width))
                let layer = Layer(
                    map: map, weights: sample.weights(channels * window.taps), outputs: channels, window: window,
                    isDepthwise: true, zero: sample.next() % 256)
                Self.check(layer, name, seed: seed)
            }
        }
    }

    /// Two products of 255 and -128 are more than 16 bits hold.
    @Test(arguments: QuantizedSample.convolutionNames, [(UInt8(255), Int8(-128)), (255, 127), (0, -128)])
    func extremesDoNotSaturate(name: String, values: (UInt8, Int8)) {
        for (isDepthwise, channels) in [(false, 260), (true, 20)] {
            if isDepthwise, !QuantizedSample.names.contains(name) { continue }
            let map = ByteMap(
                channels: channels, height: 9, width: 9, values: [UInt8](repeating: values.0, count: channels * 81))
            let window = Window(kernel: isDepthwise ? 7 : 3, padding: 1)
            let count = (isDepthwise ? channels : channels * 24) * window.taps
            for zero in [0, 255] {
                let layer = Layer(
                    map: map, weights: [Int8](repeating: values.1, count: count), outputs: isDepthwise ? channels : 24,
                    window: window, isDepthwise: isDepthwise, zero: zero)
                Self.check(layer, name, seed: 0)
            }
        }
    }
}
