import CKernels
public import Engine
public import Fusion
public import Graphs

/// A fused network by kernels of 32-bit floats, step by step: every step's map can be looked at, and is rounded to 8
/// bits where the network says so. Slower than a plan made for speed; calibration runs it, and kernels of 8 bits are
/// compared with it.
public struct SteppedPlan: Sendable {
    public let network: FusedNetwork
    private let plan: Plan
    /// For each step the end of its operations, and the one that writes its result.
    private let places: [(end: Int, offset: Int)]
    private let lookups: [Int: (input: Quantization, values: [Float])]

    /// - Throws: `GraphFailure` naming the step that no kernel covers.
    public init(_ network: FusedNetwork, kernels: KernelSet) throws(GraphFailure) {
        guard network.inputs.count == 1 else { throw GraphFailure("has \(network.inputs.count) inputs") }
        self.network = network
        let quantizations = network.quantizations
        var lookups: [Int: (input: Quantization, values: [Float])] = [:]
        var steps = network.steps
        for (index, step) in network.steps.enumerated() {
            var work = step.work
            if case .lookup(let values) = work {
                guard let input = quantizations[step.inputs[0]] else {
                    throw GraphFailure("\(step.name.printable): looks up a value that is not of 8 bits")
                }
                lookups[index] = (input, values)
                work = .nothing
            }
            steps[index] = FusedStep(
                name: step.name, work: work, inputs: step.inputs, output: step.output, shape: step.shape,
                finish: work == .nothing && lookups[index] != nil ? FusedFinish() : step.finish)
        }
        let plan = try FusedNetwork(inputs: network.inputs, steps: steps, outputs: network.outputs)
            .planKeepingSteps(kernels: kernels)
        // Inputs that become maps are a group before the first step's; outputs that become rows are one each after the
        // last.
        let last = plan.groups.count - network.outputs.count { $0.shape.pixels > 1 }
        let first = last - steps.count
        var places = [(end: Int, offset: Int)](repeating: (0, 0), count: steps.count)
        for (index, operation) in plan.operations.enumerated() where first..<last ~= plan.steps[index].group {
            places[plan.steps[index].group - first] = (index + 1, operation.outputOffset)
        }
        self.plan = plan
        self.places = places
        self.lookups = lookups
    }

    public func makeArena() -> AlignedBuffer { AlignedBuffer(count: plan.arenaCount) }

    /// Computes a planar image, already normalised.
    /// - Parameters:
    ///   - arena: from `makeArena`, for one thread at a time.
    ///   - visit: called with each step's index and result after its rounding.
    /// - Returns: the output, in the arena.
    public func run(
        on image: UnsafeBufferPointer<Float>, in arena: AlignedBuffer, _ visit: (Int, StepMap) -> Void = { _, _ in }
    ) -> UnsafeBufferPointer<Float> {
        precondition(arena.count == plan.arenaCount, "an arena of another plan")
        plan.place(image, in: arena.base)
        var next = 0
        for (index, step) in network.steps.enumerated() {
            while next < places[index].end {
                plan.operations[next].perform(in: arena.base)
                next += 1
            }
            let map = StepMap(base: arena.base + places[index].offset, shape: step.shape)
            if let (input, values) = lookups[index] {
                map.replace { step.finish.activation.value(at: values[input.integer(of: $0) - input.range.lowerBound]) }
            }
            if let quantization = step.outputQuantization { map.replace(quantization.rounded) }
            visit(index, map)
        }
        for operation in plan.operations[next...] { operation.perform(in: arena.base) }
        return plan.output(in: arena.base)
    }
}

/// A map in an arena, in blocks of channels.
public struct StepMap {
    let base: UnsafeMutablePointer<Float>
    public let shape: MapShape

    /// Calls with the number of the first channel of every block, how many it has, and its pixels: a row of
    /// `CK_LANES` values each, of which the first ones are the channels'.
    @inline(__always)
    public func forEachBlock(
        _ body: (_ channel: Int, _ count: Int, _ pixels: UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let lanes = Int(CK_LANES)
        for channel in stride(from: 0, to: shape.channels, by: lanes) {
            let start = base + channel * shape.pixels
            body(
                channel, min(lanes, shape.channels - channel),
                UnsafeMutableBufferPointer(start: start, count: lanes * shape.pixels))
        }
    }

    @inline(__always)
    func replace(_ value: (Float) -> Float) {
        forEachBlock { _, count, pixels in
            for first in stride(from: 0, to: pixels.count, by: Int(CK_LANES)) {
                for index in first..<first + count { pixels[index] = value(pixels[index]) }
            }
        }
    }

    /// The values channel by channel, row by row.
    public var values: [Float] {
        var result = [Float](repeating: 0, count: shape.channels * shape.pixels)
        forEachBlock { channel, count, pixels in
            for pixel in 0..<shape.pixels {
                for lane in 0..<count {
                    result[(channel + lane) * shape.pixels + pixel] = pixels[pixel * Int(CK_LANES) + lane]
                }
            }
        }
        return result
    }
}
