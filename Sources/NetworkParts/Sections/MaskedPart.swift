public import Engine
import CKernels
import Fusion
import Graphs

/// A part of a network with a map inside, between two convolutions, of which blocks of channels can be left out, and
/// where the part adds its input to its result also strips of rows: an inverted residual block (1x1, depthwise, 1x1),
/// or a basic block (two dense convolutions).
public struct MaskedPart: Sendable {
    /// What an operation has to do with the hidden map.
    enum Role: Hashable, Sendable {
        case none, writes, passes, reads
    }

    /// By the slot of the input.
    let versions: [[PlanOperation]]
    let roles: [Role]
    let functions: [ck_function?]
    /// The part that this one stands for.
    let part: NetworkPart
    let place: HiddenMap
    /// The result is written over the input.
    let isInPlace: Bool
    let stripRows: Int
    /// Keeps the weights alive that replace the reader's.
    private let donor: Plan?

    /// Blocks of 16 channels of the hidden map.
    public var blocks: Int { place.shape.blocks }
    /// Strips of rows of the result; 1 where rows cannot be left out.
    public var strips: Int { (part.output.height + stripRows - 1) / stripRows }
    /// The map that the hidden map's reader reads.
    public var readShape: PlanOperation.Shape { place.readShape }
    /// Shape of the part's result.
    public var output: PlanOperation.Shape { part.output }
    /// Of the convolution that reads the hidden map, `[output][channel][row][column]`.
    public var weights: [Float] {
        let convolution = place.reader
        let rows = convolution.weights.count / convolution.outputChannels
        return convolution.weights.indices.map { convolution.weights[$0] * convolution.scale[$0 / rows] }
    }
    public var bias: [Float] { place.reader.shift }
    /// Rows and columns of its window; `nil` where it has strides or dilation.
    public var taps: Int? {
        let window = place.reader.window
        let isPlain = max(window.strideHeight, window.strideWidth, window.dilationHeight, window.dilationWidth) == 1
        return isPlain && window.kernelHeight == window.kernelWidth ? window.kernelHeight : nil
    }
    var mostBlocks: Int { max(part.input.blocks, part.output.blocks, blocks) }

    /// As many as the smallest maps of usual networks have rows.
    private static let mostStrips = 7

    /// - Parameter reader: weights in place of those of the convolution that reads the hidden map.
    /// - Returns: `nil` where no kernel can leave out a part of an operation's work.
    init?(
        _ part: NetworkPart, _ place: HiddenMap, isResidual: Bool, reader: FusedConvolution?, _ kernels: KernelSet,
        _ layout: SlotLayout
    ) throws(GraphFailure) {
        let plan = part.plan
        let roles = plan.steps.map { place.role(of: plan.groups[$0.group]) }
        let functions = zip(plan.operations, roles).map { operation, role in
            role == .none ? nil : operation.maskedOperation.map { kernels.kernel($0) }
        }
        let isCovered = roles.indices.allSatisfy {
            roles[$0] == .none || functions[$0] != nil || plan.operations[$0].kind == .border
        }
        guard isCovered, roles.contains(.writes), roles.contains(.reads) else { return nil }
        // Strips need the shortcut under the result, and no border around a whole map.
        let isStriped = isResidual && !roles.contains(.none) && !functions.contains { $0 == nil }
        let unit = plan.operations.contains { $0.kind == .winogradOutput } ? plan.operations[0].tileSide : 1
        let rows = (part.output.height + Self.mostStrips - 1) / Self.mostStrips
        stripRows = isStriped ? (rows + unit - 1) / unit * unit : part.output.height
        isInPlace = isStriped
        (self.part, self.place, self.roles, self.functions) = (part, place, roles, functions)
        var donor: Plan?
        if let reader { donor = try place.plan(of: reader, kernels) }
        self.donor = donor
        versions = [0, 1].map { slot in
            var operations = part.versions[slot]
            if let donor {
                let own = operations.indices.filter { place.role(of: plan.groups[plan.steps[$0].group]) == .reads }
                precondition(own.count == donor.operations.count, "other operations for the same convolution")
                for (index, source) in zip(own, donor.operations) { operations[index].replaceWeights(by: source) }
            }
            guard isStriped else { return operations }
            // Only the result moves: other maps of the part may lie where it would have been.
            for index in operations.indices
            where roles[index] == .reads && operations[index].outputOffset == layout.slot(1 - slot) {
                operations[index].outputOffset = layout.slot(slot)
            }
            return operations
        }
    }

    /// Of the step that writes the hidden map.
    public var writerName: String { place.writer }

    /// Rows of the result.
    public func rows(of strip: Int) -> Range<Int> {
        strip * stripRows..<min((strip + 1) * stripRows, part.output.height)
    }

    /// Rows that an operation has to compute for a run of rows of the result.
    func rows(of role: Role, for run: Range<Int>) -> Range<Int> {
        switch role {
        case .writes: strips > 1 ? place.written(for: run) : 0..<place.shape.height
        case .passes: strips > 1 ? place.read(for: run) : 0..<place.readShape.height
        case .reads, .none: run
        }
    }

    /// Floating-point operations that a mask leaves; those of whole rows, whatever the tiles are.
    public func flops(of mask: MapMask) -> Int {
        let lanes = Int(CK_LANES)
        let channels = mask.blocks.indices.reduce(0) {
            $0 + (mask.blocks[$1] ? min(lanes, place.shape.channels - $1 * lanes) : 0)
        }
        let active = (0..<strips).filter { mask.strips[$0] }.map { rows(of: $0) }
        func computed(_ role: Role) -> Int {
            active.reduce(into: Set<Int>()) { $0.formUnion(rows(of: role, for: $1)) }.count
        }
        let heights = [
            Role.writes: place.shape.height, .passes: place.readShape.height, .reads: part.output.height,
        ]
        return zip(part.plan.operations, roles).reduce(0) { sum, pair in
            guard let height = heights[pair.1] else { return sum + pair.0.flops }
            return sum + pair.0.flops * channels * computed(pair.1) / (place.shape.channels * height)
        }
    }
}

/// Where a part of a network keeps a map that one convolution writes and one reads, with at most a depthwise one
/// between them.
struct HiddenMap: Sendable {
    let writer: String
    let filter: String?
    let readerName: String
    let reader: FusedConvolution
    /// As written.
    let shape: PlanOperation.Shape
    /// As read: after the depthwise convolution.
    let readShape: PlanOperation.Shape
    /// The reader's result.
    private let output: MapShape
    /// Of the depthwise convolution between.
    private let filterWindow: FusedWindow?

    /// The first one of a section of a network.
    init?(_ network: FusedNetwork, readsBlocks: Bool) {
        func readers(_ value: String) -> [FusedStep] { network.steps.filter { $0.reads.contains(value) } }
        func dense(_ step: FusedStep) -> FusedConvolution? {
            guard case .convolution(let convolution) = step.work, convolution.groups == 1,
                step.outputQuantization == nil
            else { return nil }
            return convolution
        }
        for step in network.steps {
            guard dense(step) != nil, step.shape.pixels > 1,
                step.finish.residual == nil, readsBlocks || step.inputs[0] != network.input,
                step.output != network.output, readers(step.output).count == 1
            else { continue }
            var (last, filter, filterWindow) = (step, String?.none, FusedWindow?.none)
            var next = readers(step.output)[0]
            if case .convolution(let depthwise) = next.work, depthwise.isDepthwise, next.finish.residual == nil,
                readers(next.output).count == 1, next.output != network.output
            {
                (last, filter, filterWindow) = (next, next.name, depthwise.window)
                next = readers(next.output)[0]
            }
            guard let reader = dense(next), next.inputs == [last.output],
                next.finish.residual?.value != last.output, last.shape.pixels > 1,
                // What is fitted is the reader's result, and what a part shows is its own.
                next.output == network.output
            else { continue }
            (writer, self.filter, readerName, self.reader) = (step.name, filter, next.name, reader)
            self.filterWindow = filterWindow
            (shape, readShape, output) = (
                PlanOperation.Shape(step.shape), PlanOperation.Shape(last.shape), next.shape
            )
            return
        }
        return nil
    }

    func role(of step: String) -> MaskedPart.Role {
        switch step {
        case writer: .writes
        case readerName: .reads
        default: step == filter ? .passes : .none
        }
    }

    /// Rows of the map as read that a run of rows of the result needs.
    func read(for run: Range<Int>) -> Range<Int> { reader.window.rows(for: run, of: readShape.height) }

    /// Rows of the map as written that a run of rows of the result needs.
    func written(for run: Range<Int>) -> Range<Int> {
        let read = read(for: run)
        return filterWindow?.rows(for: read, of: shape.height) ?? read
    }

    /// A plan of the reader alone, for its weights.
    func plan(of convolution: FusedConvolution, _ kernels: KernelSet) throws(GraphFailure) -> Plan {
        let step = FusedStep(
            name: readerName, work: .convolution(convolution), inputs: ["hidden"], output: "result", shape: output)
        let type = ValueType(.float32, [1, output.channels, output.height, output.width])
        let network = FusedNetwork(
            input: "hidden",
            inputShape: MapShape(channels: readShape.channels, height: readShape.height, width: readShape.width),
            steps: [step], output: "result", outputType: type)
        return try network.sectionPlan(readsBlocks: true, kernels: kernels)
    }
}

extension FusedWindow {
    /// Rows of an input of `height` rows that a run of rows of the result reads.
    fileprivate func rows(for run: Range<Int>, of height: Int) -> Range<Int> {
        guard !run.isEmpty else { return 0..<0 }
        let first = run.lowerBound * strideHeight - padding.top
        let end = (run.upperBound - 1) * strideHeight - padding.top + dilationHeight * (kernelHeight - 1) + 1
        let lower = min(max(0, first), height)
        return lower..<max(lower, min(height, end))
    }
}
