import CKernels
public import Fusion
public import Graphs

extension FusedNetwork {
    /// The plan of the network: every step a kernel or a few, weights packed for them.
    /// - Throws: `GraphFailure` naming the step that no kernel covers.
    ///
    /// A network that rounds to 8 bits is computed in 8 bits where it does; its real steps are in fp32 whatever the
    /// precision. One that does not is computed in the precision, int8 excepted, which needs the ranges of maps:
    /// that is fp32.
    ///
    /// - Parameter weights: shared with other plans of this network, or of parts of it.
    public func plan(
        kernels: KernelSet, precision: Precision = .fp32, weights: PackedWeights = PackedWeights()
    ) throws(GraphFailure) -> Plan {
        let isNarrow = quantizations.isEmpty && precision == .bf16
        var planner = NetworkPlanner(separated(), element: isNarrow ? .bfloat16 : .float32, kernels: kernels)
        planner.use([:], weights)
        return try planner.plan()
    }

    /// The plan of a network whose convolutions have precisions of their own.
    /// - Parameters:
    ///   - precisions: by the outputs of convolutions; fp32 for others.
    ///   - weights: shared with the other plans of this network, or of parts of it.
    public func plan(
        _ precisions: [String: Precision], _ forms: EightBitForms, weights: PackedWeights, kernels: KernelSet
    ) throws(GraphFailure) -> Plan {
        var planner = NetworkPlanner(mixed(precisions, forms), element: .float32, kernels: kernels)
        planner.use(precisions, weights)
        return try planner.plan()
    }

    private func mixed(_ precisions: [String: Precision], _ forms: EightBitForms) -> FusedNetwork {
        mixed(Set(precisions.filter { $0.value == .int8 }.keys).intersection(steps.map(\.output)), forms).separated()
    }

    /// The same of a part of the network.
    package func sectionPlan(
        readsBlocks: Bool, _ precisions: [String: Precision], _ forms: EightBitForms, weights: PackedWeights,
        kernels: KernelSet
    ) throws(GraphFailure) -> Plan {
        var planner = NetworkPlanner(
            mixed(precisions, forms), isSection: true, readsBlocks: readsBlocks, element: .float32, kernels: kernels)
        planner.use(precisions, weights)
        return try planner.plan()
    }

    /// A plan that computes every step's map, each in a group of its own, and what it takes to look at them.
    package func planKeepingSteps(kernels: KernelSet) throws(GraphFailure) -> Plan {
        var planner = NetworkPlanner(self, element: .float32, keepsSteps: true, kernels: kernels)
        return try planner.plan()
    }

    /// The plan of a part of a network, which may end in a map.
    /// - Parameters:
    ///   - readsBlocks: the input is a map in the kernels' layout, at the arena's start, not an image.
    ///   - weights: shared with other plans of the network, or of parts of it.
    package func sectionPlan(
        readsBlocks: Bool, kernels: KernelSet, weights: PackedWeights = PackedWeights()
    ) throws(GraphFailure) -> Plan {
        var planner = NetworkPlanner(
            self, isSection: true, readsBlocks: readsBlocks, element: .float32, kernels: kernels)
        planner.use([:], weights)
        return try planner.plan()
    }
}

/// Walks a fused network from image to output.
struct NetworkPlanner {
    let network: FusedNetwork
    /// How values of 8 bits stand for real ones, by name.
    let byteScales: [String: ByteScale]
    var builder: PlanBuilder
    /// Maps that a later step reads.
    var maps: [String: PlanBuilder.Map] = [:]
    /// For every value, the steps that read it, in order.
    private let readers: [String: [Int]]
    /// For every value, the last step that reads it.
    let lastReaders: [String: Int]
    /// Maps that are computed where a concatenation wants them.
    var placing: ConcatenationPlaces
    /// No step is done along with another.
    let keepsSteps: Bool
    /// The network is a part of another, whose output may stay a map in the kernels' layout.
    let isSection: Bool
    /// Steps that an earlier one has done along with its own.
    var done: Set<Int> = []
    /// Outputs of steps in bfloat16, where not all are.
    private var narrow: Set<String> = []
    private(set) var weights = PackedWeights()

    init(
        _ network: FusedNetwork, isSection: Bool = false, readsBlocks: Bool = false, element: MapElement,
        keepsSteps: Bool = false, kernels: KernelSet
    ) {
        self.network = network
        self.isSection = isSection
        self.keepsSteps = keepsSteps
        byteScales = network.quantizations.mapValues { ByteScale($0) }
        var readers: [String: [Int]] = [:]
        for (index, step) in network.steps.enumerated() {
            for name in Set(step.reads) { readers[name, default: []].append(index) }
        }
        self.readers = readers
        var last = readers.compactMapValues(\.last)
        for output in network.outputs { last[output.map] = network.steps.count }
        lastReaders = last
        let canPlace = element == .float32 && !keepsSteps && !isSection
        placing = canPlace ? ConcatenationPlaces(network) : ConcatenationPlaces()
        if readsBlocks {
            builder = PlanBuilder(blocked: PlanOperation.Shape(network.inputShape), kernels: kernels)
            maps[network.input] = builder.blockedInput
        } else {
            builder = PlanBuilder(
                input: PlanOperation.Shape(network.inputShape),
                border: Self.readsImage(network) ? Window(Self.firstWindow(network)).border : .none,
                element: element, kernels: kernels)
        }
        if isSection, let last = network.steps.last { builder.reserveResult(PlanOperation.Shape(last.shape)) }
    }

    mutating func use(_ precisions: [String: Precision], _ weights: PackedWeights) {
        narrow = Set(precisions.filter { $0.value == .bf16 }.keys)
        self.weights = weights
    }

    mutating func plan() throws(GraphFailure) -> Plan {
        let element = builder.element
        if maps.isEmpty, !Self.readsImage(network), bytesOfImage == nil { readInputs() }
        for index in network.steps.indices where !done.contains(index) {
            builder.beginGroup(network.steps[index].name)
            builder.element = narrow.contains(network.steps[index].output) ? .bfloat16 : element
            do throws(GraphFailure) { try lower(index) } catch {
                throw GraphFailure("\(network.steps[index].name.printable): \(error.reason)")
            }
        }
        let outputs = try writeOutputs()
        return builder.build(outputs: outputs)
    }

    // MARK: Image

    /// The first step convolves the image and nothing else reads it.
    private static func readsImage(_ network: FusedNetwork) -> Bool {
        guard let first = network.steps.first, case .convolution(let convolution) = first.work,
            convolution.groups == 1, network.inputs.count == 1, network.inputs[0].layout == .channelsFirst,
            network.inputShape.channels <= mostImageChannels,
            !network.outputs.contains(where: { $0.map == network.input })
        else { return false }
        return !network.steps.enumerated().contains { index, step in
            (index > 0 && step.inputs.contains(network.input)) || step.finish.residual?.value == network.input
        }
    }

    private static func firstWindow(_ network: FusedNetwork) -> FusedWindow {
        guard case .convolution(let convolution)? = network.steps.first?.work else {
            preconditionFailure("the first step is no convolution")
        }
        return convolution.window
    }

    /// Above these, the kernels' own layout is faster to read.
    private static let mostImageChannels = 8

    // MARK: Steps

    private mutating func lower(_ index: Int) throws(GraphFailure) {
        let step = network.steps[index]
        defer { dropTarget() }
        if step.output == network.outputs[0].map { builder.aimAtResult() }
        if readsBytes(step) || step.outputQuantization != nil { return try lowerBytes(index) }
        let result: PlanBuilder.Map
        if !isSection { builder.target = placing.target(of: step, in: &builder) }
        switch step.work {
        case .convolution(let convolution): result = try convolve(step, index, convolution)
        case .maximum(let window): result = builder.pool(step.name, try input(step, 0), .max, Window(window))
        case .average(let window, let countsPadding):
            result = builder.pool(
                step.name, try input(step, 0), .average(countsBorder: countsPadding), Window(window))
        case .globalAverage: result = builder.pool(step.name, try input(step, 0))
        case .addition:
            result = builder.add(
                step.name, try input(step, 0), try input(step, 1), Activation(step.finish.activation))
        case .scaling:
            guard try !defersScaling(index) else { return }
            result = try scaled(step, index)
        case .lookup: throw GraphFailure("looks up what is not of 8 bits")
        case .nothing:
            result = builder.activation(step.name, try input(step, 0), Activation(step.finish.activation))
        default: result = try lowerMap(step)
        }
        finish(step, index, result)
    }

    /// Applies an activation that the kernel could not take over, and lets go of what nothing reads any more.
    private mutating func finish(_ step: FusedStep, _ index: Int, _ result: PlanBuilder.Map) {
        if step.finish.activation != .none, step.leavesActivation {
            builder.activate(step.name + ".activation", result, Activation(step.finish.activation))
        }
        if lastReaders[step.output] == nil {
            builder.release(result)
        } else {
            maps[step.output] = result
        }
        release(after: index)
    }

    mutating func release(after index: Int) {
        for name in network.steps[index].reads where lastReaders[name] == index {
            if let map = maps.removeValue(forKey: name) { builder.release(map) }
        }
    }

    /// The steps that read a value, in order.
    func readers(of value: String) -> [Int] { readers[value] ?? [] }

    func input(_ step: FusedStep, _ position: Int) throws(GraphFailure) -> PlanBuilder.Map {
        guard let map = maps[step.inputs[position]] else {
            throw GraphFailure("reads \(step.inputs[position].printable), which no step has computed")
        }
        return map
    }

    private func finish(
        of step: FusedStep, _ convolution: FusedConvolution
    ) throws(GraphFailure) -> PlanBuilder.Finish {
        var residual: PlanBuilder.Map?
        if let name = step.finish.residual?.value {
            residual = maps[name]
            guard residual != nil else { throw GraphFailure("adds \(name.printable), which no step has computed") }
        }
        return PlanBuilder.Finish(
            epilogue: Epilogue(scale: convolution.scale, shift: convolution.shift),
            Activation(step.finish.activation), residual: residual,
            activatesSum: step.finish.residual?.isActivated ?? false)
    }

    // MARK: Convolutions

    private mutating func convolve(
        _ step: FusedStep, _ index: Int, _ convolution: FusedConvolution
    ) throws(GraphFailure) -> PlanBuilder.Map {
        let window = Window(convolution.window)
        let finish = try finish(of: step, convolution)
        if step.inputs[0] == network.input, maps[network.input] == nil {
            let packed = weights.packed(step.output) {
                PackedConvolution(
                    weight: convolution.weights, outputChannels: convolution.outputChannels,
                    rows: window.taps * convolution.inputChannels)
            }
            return builder.imageConvolution(step.name, packed, window, finish)
        }
        if convolution.isDepthwise { return try filter(step, index, convolution, finish) }
        if convolution.groups > 1 { return try grouped(step, convolution, finish) }
        let isPointwise = window == Window(kernel: 1)
        if isPointwise, let scaling = deferred[step.inputs[0]] {
            let packed = pointwise(step, convolution)
            let result = builder.pointwise(
                step.name, scaling.map, scaledBy: scaling.factors, packed, channels: convolution.outputChannels,
                finish)
            builder.release(scaling.map)
            builder.release(scaling.factors)
            deferred[step.inputs[0]] = nil
            return result
        }
        let input = try input(step, 0)
        if isPointwise {
            return builder.pointwise(
                step.name, input, pointwise(step, convolution), channels: convolution.outputChannels, finish)
        }
        let method = builder.kernels.method(
            window, input.shape, outputs: convolution.outputChannels, element: builder.element)
        let element = builder.element
        let filter = weights.dense(step.output, element) {
            DenseConvolution(
                weight: convolution.weights, inputChannels: convolution.inputChannels,
                outputChannels: convolution.outputChannels, window: window, method: method, element: element)
        }
        return builder.convolution(step.name, input, filter, finish)
    }

    private func pointwise(_ step: FusedStep, _ convolution: FusedConvolution) -> PackedConvolution {
        weights.packed(step.output, builder.element) {
            PackedConvolution(
                weight: convolution.weights, outputChannels: convolution.outputChannels,
                rows: convolution.inputChannels)
        }
    }

    /// A depthwise convolution; sums its means along the way where the next step asks for them.
    private mutating func filter(
        _ step: FusedStep, _ index: Int, _ convolution: FusedConvolution, _ finish: PlanBuilder.Finish
    ) throws(GraphFailure) -> PlanBuilder.Map {
        let window = convolution.window
        let isSquare =
            window.kernelHeight == window.kernelWidth && window.strideHeight == window.strideWidth
            && window.dilationHeight == 1 && window.dilationWidth == 1
        let packed = weights.packed(step.output, isSquare ? builder.element : .float32, run: window.kernelWidth) {
            PackedConvolution(
                weight: convolution.weights, outputChannels: convolution.outputChannels,
                rows: window.kernelHeight * window.kernelWidth)
        }
        let input = try input(step, 0)
        if !isSquare { return builder.filter(step.name, input, packed, Window(window), finish) }
        let average = step.finish.residual == nil ? averaging(of: step.output, after: index) : nil
        let means = average.map { _ in builder.vector(channels: convolution.outputChannels) }
        let result = builder.depthwise(step.name, input, packed, Window(window), finish, means: means)
        if let average, let means {
            done.insert(average)
            maps[network.steps[average].output] = means
        }
        return result
    }

    /// The step that takes the mean of this value's pixels and nothing more.
    private func averaging(of value: String, after index: Int) -> Int? {
        if keepsSteps { return nil }
        return readers(of: value).first { later in
            let step = network.steps[later]
            return later > index && step.work == .globalAverage && step.inputs == [value] && step.finish.isPlain
                && lastReaders[value] != later
        }
    }

    // MARK: Scaling

    /// Scalings that the convolution after them will do, by the name of their result.
    private var deferred: [String: (map: PlanBuilder.Map, factors: PlanBuilder.Map)] = [:]

    /// Whether the only reader of the scaled map is a 1x1 convolution: it folds the factors into its smaller operand.
    private mutating func defersScaling(_ index: Int) throws(GraphFailure) -> Bool {
        if keepsSteps { return false }
        let step = network.steps[index]
        let readers = readers(of: step.output)
        guard step.finish.isPlain, readers.count == 1, lastReaders[step.output] != network.steps.count,
            step.inputs[0] != step.inputs[1], network.steps[readers[0]].finish.residual?.value != step.output,
            case .convolution(let convolution) = network.steps[readers[0]].work, convolution.groups == 1,
            Window(convolution.window) == Window(kernel: 1),
            step.inputs.allSatisfy({ lastReaders[$0] == index }), builder.isAlone(try input(step, 0))
        else { return false }
        deferred[step.output] = (try input(step, 0), try input(step, 1))
        for name in step.inputs { maps[name] = nil }
        return true
    }

    /// The scaled map in place, or in a copy where somebody else still reads it.
    private mutating func scaled(_ step: FusedStep, _ index: Int) throws(GraphFailure) -> PlanBuilder.Map {
        let (map, factors) = (try input(step, 0), try input(step, 1))
        let isLast = lastReaders[step.inputs[0]] == index && builder.isAlone(map)
        let target = isLast ? map : builder.activation(step.name + ".copy", map, .none)
        builder.scale(step.name, target, by: factors)
        if isLast { maps[step.inputs[0]] = nil }
        return target
    }
}

extension FusedStep {
    /// Whether the kernels that do this step's work take no activation.
    fileprivate var leavesActivation: Bool {
        switch work {
        case .convolution, .addition, .nothing, .affine, .combination, .lookup: false
        default: true
        }
    }
}

extension PlanOperation.Shape {
    package init(_ shape: MapShape) { self.init(channels: shape.channels, height: shape.height, width: shape.width) }
}

extension Window {
    init(_ window: FusedWindow) {
        let padding = window.padding
        self.init(
            kernel: Extent(window.kernelHeight, window.kernelWidth),
            stride: Extent(window.strideHeight, window.strideWidth),
            dilation: Extent(window.dilationHeight, window.dilationWidth),
            border: Border(top: padding.top, left: padding.left, bottom: padding.bottom, right: padding.right))
    }
}

extension Activation {
    init(_ activation: FusedActivation) {
        self =
            switch activation {
            case .none: .none
            case .relu: .relu
            case .clippedRelu(let most): .clip(0, most)
            case .leakyRelu(let slope): .leakyRelu(slope: slope)
            case .hardSigmoid: .hardSigmoid
            case .hardSwish: .hardSwish
            case .sigmoid: .sigmoid
            case .silu: .silu
            case .tanh: .tanh
            case .elu(let alpha): .elu(alpha: alpha)
            case .gelu: .gelu
            case .geluTanh: .geluTanh
            case .softplus: .softplus
            case .mish: .mish
            case .clip(let least, let most): .clip(least, most)
            case .linearGate(let slope, let offset): .linearGate(slope: slope, offset: offset)
            }
    }
}
