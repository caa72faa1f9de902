import CKernels

@testable import Engine

/// Random bytes by seed, maps of them, and the rows of the kernel table that this machine can run.
struct QuantizedSample {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2_654_435_761 | 1 }

    mutating func next() -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 40)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    mutating func weights(_ count: Int) -> [Int8] { (0..<count).map { _ in Int8(truncatingIfNeeded: next()) } }

    mutating func reals(_ count: Int, _ size: Float) -> [Float] {
        (0..<count).map { _ in size * (Float(next() % 20_001) / 10_000 - 1) }
    }

    static func rows(_ operation: ck_operation) -> [ck_kernel] {
        KernelTable.rows.filter { row in
            row.operation == operation && ck_is_supported(row.instruction_set) != 0
                && ck_features() & row.features == row.features
        }
    }

    /// Of the sets with all operations on bytes.
    static let names = rows(CK_OP_QUANTIZED_DEPTHWISE).map {
        String(String(cString: $0.name).split(separator: "-")[2])
    }

    static let convolutionNames =
        rows(CK_OP_QUANTIZED_CONVOLUTION).map { String(String(cString: $0.name).split(separator: "-")[2]) }
        + [emulatedTiles]

    /// The kernel for AMX's tiles on emulated ones: no row of the table.
    static let emulatedTiles = "amx-emulated"

    /// The row of an operation that belongs to one of `names`, or the convolution by emulated tiles.
    static func kernel(_ operation: ck_operation, _ name: String) -> ck_function {
        if name == emulatedTiles, operation == CK_OP_QUANTIZED_CONVOLUTION {
            return ck_quantized_convolution_amx_emulated
        }
        guard let row = rows(operation).first(where: { String(cString: $0.name).hasSuffix("-\(name)") }) else {
            preconditionFailure("\(name) has no row for operation \(operation.rawValue)")
        }
        return row.function
    }
}

/// A map of bytes, channel by channel.
struct ByteMap {
    let channels: Int
    let height: Int
    let width: Int
    var values: [UInt8]

    /// The byte, or the filling outside the map.
    func at(_ channel: Int, _ row: Int, _ column: Int, else filling: Int) -> Int {
        guard (0..<height).contains(row), (0..<width).contains(column) else { return filling }
        return Int(values[(channel * height + row) * width + column])
    }

    /// In blocks of 16 channels, garbage in the spare ones.
    var blocked: [UInt8] {
        var result = [UInt8](repeating: 0xa5, count: (channels + 15) / 16 * height * width * 16)
        for channel in 0..<channels {
            for pixel in 0..<height * width {
                result[(channel / 16 * height * width + pixel) * 16 + channel % 16] =
                    values[channel * height * width + pixel]
            }
        }
        return result
    }

    func bordered(_ border: Window.Border, _ filling: Int) -> ByteMap {
        let (rows, columns) = (border.top + height + border.bottom, border.left + width + border.right)
        let values = (0..<channels).flatMap { channel in
            (0..<rows).flatMap { row in
                (0..<columns).map { UInt8(at(channel, row - border.top, $0 - border.left, else: filling)) }
            }
        }
        return ByteMap(channels: channels, height: rows, width: columns, values: values)
    }

    /// Sums of products, `[output][row][column]`.
    func sums(
        _ weights: [Int8], outputs: Int, _ window: Window, isDepthwise: Bool, zero: Int
    ) -> (values: [Int], shape: PlanOperation.Shape) {
        let input = PlanOperation.Shape(channels: channels, height: height, width: width)
        guard let shape = window.output(of: input, channels: outputs) else { return ([], input) }
        let inputs = isDepthwise ? 1 : channels
        var result: [Int] = []
        for output in 0..<outputs {
            for row in 0..<shape.height {
                for column in 0..<shape.width {
                    var sum = 0
                    for input in 0..<inputs {
                        for tap in 0..<window.taps {
                            let (y, x) = (tap / window.kernel.columns, tap % window.kernel.columns)
                            let byte = at(
                                isDepthwise ? output : input,
                                row * window.stride.rows - window.border.top + y * window.dilation.rows,
                                column * window.stride.columns - window.border.left + x * window.dilation.columns,
                                else: zero)
                            sum += (byte - zero) * Int(weights[(output * inputs + input) * window.taps + tap])
                        }
                    }
                    result.append(sum)
                }
            }
        }
        return (result, shape)
    }
}

extension Array {
    /// One value of a map in blocks of 16 channels.
    func blocked(_ channel: Int, _ pixel: Int, pixels: Int) -> Element {
        self[(channel / 16 * pixels + pixel) * 16 + channel % 16]
    }
}
