import CKernels

extension PlanOperation {
    /// Floating-point operations below which a part is not worth handing to another thread: about 3 us.
    private static let smallestPart = 300_000
    /// Operations that a thread does while it reads a byte of weights or maps from memory.
    private static let workPerByte = 3
    /// More parts than threads, so that one that is put aside by the scheduler leaves little undone.
    private static let partsPerThread = 4

    /// How many parts the operation is cut into for a number of threads.
    @inline(__always)
    func parts(threads: Int) -> Int32 {
        // Operations that use what they read once count for what their memory costs.
        let work =
            switch kind {
            case .pool, .scale, .scaleRows: Self.workPerByte * bytes
            case .pointwise where output.pixels == 1: Self.workPerByte * bytes
            case .stem, .pointwise, .depthwise: flops
            // Four times as fast.
            case .quantizedConvolution: flops / 3
            case .quantizedDepthwise: flops / 2
            default: denseWork
            }
        return Int32(max(1, min(work / Self.smallestPart, Self.partsPerThread * threads)))
    }
}

extension PlanOperation {
    /// Bytes that the operation reads and writes at least: maps, weights, and the map that is added.
    public var bytes: Int {
        let weightCount =
            switch kind {
            case .stem: 9 * input.channels * output.channels
            case .pointwise, .scaleRows: input.channels * output.channels
            case .depthwise: kernel * kernel * output.channels
            case .pool, .scale: 0
            case .quantizedConvolution: window.taps * input.channels * output.channels
            case .quantizedDepthwise: window.taps * output.channels
            default: denseWeightCount
            }
        let outputs = residualOffset < 0 ? 1 : 2
        return inputBytes + outputs * outputBytes + weightCount * weightElement.bytes
    }

    /// The image that a network begins with is planar, with its border, and as bytes it has four of them a pixel.
    private var inputBytes: Int {
        switch kind {
        case .stem, .imageConvolution: input.channels * window.border.around(input).pixels * inputElement.bytes
        case .quantizedImage: input.channels * input.pixels * inputElement.bytes
        case .quantizedConvolution where quantized?.isImage == true: 4 * input.pixels
        default: input.storage * inputElement.bytes
        }
    }

    private var outputBytes: Int {
        kind == .quantizedImage ? 4 * output.pixels : output.storage * outputElement.bytes
    }

    /// The row of the kernel table that performs the operation.
    public var kernelName: String {
        let row = KernelTable.rows.first {
            unsafeBitCast($0.function, to: Int.self) == unsafeBitCast(function, to: Int.self)
        }
        return row.map { String(cString: $0.name) } ?? "?"
    }
}
