import CKernels
import Testing

@testable import Engine

/// What is done to maps of bytes besides convolutions, against the definitions.
@Suite struct QuantizedMapTests {
    private let memory = KernelMemory()

    private func zeros(_ count: Int) -> UnsafeMutablePointer<UInt8> { memory.copy([UInt8](repeating: 0, count: count)) }

    private func bytes(_ start: UnsafeMutablePointer<UInt8>, _ count: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }

    private static func byte(_ value: Double) -> Int { Int(min(max(value.rounded(.toNearestOrEven), 0), 255)) }

    /// Runs a kernel in three parts.
    private static func run<Parameters>(_ operation: ck_operation, _ name: String, _ parameters: Parameters) {
        var parameters = parameters
        for part in [Int32(1), 2, 0] { QuantizedSample.kernel(operation, name)(&parameters, part, 3) }
    }

    @Test(arguments: QuantizedSample.names, [UInt64(1), .random(in: 0...UInt64.max)])
    func borders(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        let map = ByteMap(channels: 20, height: 5, width: 7, values: sample.bytes(20 * 35))
        let border = Window.Border(top: 2, left: 1, bottom: 0, right: 3)
        let expected = map.bordered(border, 99)
        let pixels = expected.height * expected.width
        let target = zeros(32 * pixels)
        Self.run(
            CK_OP_QUANTIZED_BORDER, name,
            ck_quantized_border(
                input: pointer(map.blocked), output: target, height: 5, width: 7, top: 2, left: 1, bottom: 0,
                right: 3, blocks: 2, zero: 99))
        let output = bytes(target, 32 * pixels)
        let actual = (0..<20).flatMap { channel in
            (0..<pixels).map { output.blocked(channel, $0, pixels: pixels) }
        }
        #expect(actual == expected.values, "seed \(seed)")
    }

    @Test(arguments: QuantizedSample.names, [UInt64(2), .random(in: 0...UInt64.max)])
    func imagesAndRealMaps(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        for (channels, width) in [(3, 37), (1, 16), (4, 5)] {
            let image = sample.reals(channels * 6 * width, 3)
            let target = zeros(8 * (width + 3) * 4)
            Self.run(
                CK_OP_QUANTIZED_IMAGE, name,
                ck_quantized_image(
                    input: pointer(image), output: target, height: 6, width: Int32(width), top: 1, left: 2,
                    bottom: 1, right: 1, channels: Int32(channels), zero: 120, scale: 0.0173))
            for (index, byte) in bytes(target, 8 * (width + 3) * 4).enumerated() {
                let (pixel, channel) = (index / 4, index % 4)
                let (row, column) = (pixel / (width + 3) - 1, pixel % (width + 3) - 2)
                let isInside = channel < channels && (0..<6).contains(row) && (0..<width).contains(column)
                let real = isInside ? image[(channel * 6 + row) * width + column] : 0
                let expected = (real / 0.0173).rounded(.toNearestOrEven) + 120
                #expect(Int(byte) == Int(min(max(expected, 0), 255)), "\(index), seed \(seed)")
            }
        }
        let values = sample.reals(16 * 37, 5)
        let target = zeros(values.count)
        Self.run(
            CK_OP_QUANTIZE, name,
            ck_quantize(input: pointer(values), output: target, count: 16 * 37, scale: 0.031, zero: 7))
        let expected = values.map {
            UInt8(min(max(($0 / 0.031).rounded(.toNearestOrEven) + 7, 0), 255))
        }
        #expect(bytes(target, values.count) == expected, "seed \(seed)")
    }

    @Test(arguments: QuantizedSample.names, [CK_POOL_MAX, CK_POOL_AVERAGE, CK_POOL_AVERAGE_OF_BORDER])
    func pooling(name: String, kind: ck_pool_kind) {
        var sample = QuantizedSample(seed: 3)
        for window in [
            Window(kernel: 3, stride: 2, padding: 1), Window(kernel: .init(9, 13)), Window(kernel: 2, stride: 2),
            Window(kernel: .init(2, 5), dilation: .init(3, 2), border: Window.Border(2)),
        ] {
            let map = ByteMap(channels: 20, height: 9, width: 13, values: sample.bytes(20 * 9 * 13))
            guard let shape = window.output(of: .init(channels: 20, height: 9, width: 13), channels: 20) else {
                Issue.record("no window")
                return
            }
            let output = pooled(map, window, shape, kind, name)
            for channel in 0..<20 {
                for pixel in 0..<shape.pixels {
                    let expected = reference(
                        map, window, kind, channel, pixel / shape.width, pixel % shape.width)
                    let actual = Int(output.blocked(channel, pixel, pixels: shape.pixels))
                    #expect(abs(actual - expected) <= (kind == CK_POOL_MAX ? 0 : 1), "\(window) \(channel) \(pixel)")
                }
            }
        }
    }

    private func pooled(
        _ map: ByteMap, _ window: Window, _ shape: PlanOperation.Shape, _ kind: ck_pool_kind, _ name: String
    ) -> [UInt8] {
        let target = zeros(shape.storage)
        Self.run(
            CK_OP_QUANTIZED_POOL, name,
            ck_quantized_pool(
                input: pointer(map.blocked), output: target, window: window.call,
                input_height: Int32(map.height), input_width: Int32(map.width), output_height: Int32(shape.height),
                output_width: Int32(shape.width), blocks: 2, kind: Int32(kind.rawValue), zero: 100, scale: 1.7,
                output_zero: 50, is_real: 0))
        return bytes(target, shape.storage)
    }

    private func reference(
        _ map: ByteMap, _ window: Window, _ kind: ck_pool_kind, _ channel: Int, _ row: Int, _ column: Int
    ) -> Int {
        var inside: [Int] = []
        var counted = 0
        for tap in 0..<window.taps {
            let y = row * window.stride.rows - window.border.top + tap / window.kernel.columns * window.dilation.rows
            let x =
                column * window.stride.columns - window.border.left
                + tap % window.kernel.columns * window.dilation.columns
            if (0..<map.height).contains(y), (0..<map.width).contains(x) {
                inside.append(map.at(channel, y, x, else: 0))
            }
            counted += 1
        }
        if kind == CK_POOL_MAX { return inside.max() ?? 0 }
        let count = kind == CK_POOL_AVERAGE ? inside.count : counted
        let sum = Double(inside.map { $0 - 100 }.reduce(0, +))
        return Self.byte(sum * 1.7 / Double(max(1, count)) + 50)
    }

    @Test(arguments: QuantizedSample.names, [UInt64(4), .random(in: 0...UInt64.max)])
    func sumsProductsAndLookups(name: String, seed: UInt64) {
        var sample = QuantizedSample(seed: seed)
        let (pixels, count) = (37, 2 * 37 * 16)
        let (first, second, factors) = (sample.bytes(count), sample.bytes(count), sample.bytes(32))
        let table = sample.bytes(256)
        let (summed, scaled, looked) = (zeros(count), zeros(count), zeros(count))
        var call = ck_quantized_add()
        (call.input, call.other, call.output) = (pointer(first), pointer(second), UnsafeMutableRawPointer(summed))
        (call.count, call.input_scale, call.other_scale, call.shift) = (Int64(count), 0.7, 0.4, -20.3)
        (call.low, call.high) = (3, 240)
        Self.run(CK_OP_QUANTIZED_ADD, name, call)
        Self.run(
            CK_OP_QUANTIZED_SCALE, name,
            ck_quantized_scale(
                input: pointer(first), factors: pointer(factors), output: scaled, pixels: Int32(pixels),
                blocks: 2, zero: 9, factor_zero: 30, output_zero: 20, scale: 0.004))
        Self.run(
            CK_OP_QUANTIZED_LOOKUP, name,
            ck_quantized_lookup(
                input: pointer(first), table: pointer(table), reals: nil,
                output: UnsafeMutableRawPointer(looked), count: Int64(count)))
        let (sums, products, found) = (bytes(summed, count), bytes(scaled, count), bytes(looked, count))
        for index in 0..<count {
            let (x, y) = (Int(first[index]), Int(second[index]))
            let sum = min(max(Self.byte(Double(x) * 0.7 + Double(y) * 0.4 - 20.3), 3), 240)
            let factor = Int(factors[index / (pixels * 16) * 16 + index % 16])
            let product = Self.byte(Double((x - 9) * (factor - 30)) * 0.004 + 20)
            #expect(abs(Int(sums[index]) - sum) <= 1, "\(index), seed \(seed)")
            #expect(abs(Int(products[index]) - product) <= 1, "\(index), seed \(seed)")
            #expect(found[index] == table[x], "\(index), seed \(seed)")
        }
    }

    private func pointer<Value>(_ values: [Value]) -> UnsafePointer<Value> { UnsafePointer(memory.copy(values)) }
}

/// Copies of arrays for kernels to read and write, which live as long as this does.
final class KernelMemory {
    private var copies: [UnsafeMutableRawPointer] = []

    deinit { copies.forEach { $0.deallocate() } }

    func copy<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
        let bytes = values.count * MemoryLayout<Value>.stride
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
        copies.append(copy)
        let start = copy.bindMemory(to: Value.self, capacity: values.count)
        start.update(from: values, count: values.count)
        return start
    }
}
