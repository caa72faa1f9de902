import CKernels
import Fusion
import Graphs

/// Steps that rearrange, combine and normalise maps.
extension NetworkPlanner {
    mutating func lowerMap(_ step: FusedStep) throws(GraphFailure) -> PlanBuilder.Map {
        let shape = PlanOperation.Shape(step.shape)
        switch step.work {
        case .gather(let channels): return try gather(step, channels, shape)
        case .resample(let rows, let columns):
            return builder.resample(
                step.name, try input(step, 0), rows: rows.map(ck_tap.init), columns: columns.map(ck_tap.init))
        case .interleave(let interleave):
            return builder.interleave(
                step.name, try input(step, 0), to: shape, stride: interleave.stride, top: interleave.top,
                left: interleave.left)
        case .combination(let combination):
            return builder.combine(
                step.name, try input(step, 0), try input(step, 1), combination.kind.code, combination.operand.code,
                isReversed: combination.isReversed, Activation(step.finish.activation))
        case .affine(let scale, let shift):
            return builder.affine(
                step.name, try input(step, 0),
                PlanBuilder.Finish(epilogue: Epilogue(scale: scale, shift: shift), Activation(step.finish.activation)))
        case .slopes(let slopes): return builder.slopes(step.name, try input(step, 0), slopes)
        case .softmax: return builder.softmax(step.name, try input(step, 0))
        case .layerNorm(let epsilon, let scale, let shift):
            return builder.layerNorm(
                step.name, try input(step, 0), Epilogue(scale: scale, shift: shift), epsilon: epsilon)
        default: throw GraphFailure("is not covered by kernels")
        }
    }

    mutating func grouped(
        _ step: FusedStep, _ convolution: FusedConvolution, _ finish: PlanBuilder.Finish
    ) throws(GraphFailure) -> PlanBuilder.Map {
        builder.convolution(
            step.name, try input(step, 0),
            GroupedConvolution(
                weight: convolution.weights, inputChannels: convolution.inputChannels,
                outputChannels: convolution.outputChannels, groups: convolution.groups,
                window: Window(convolution.window)), finish)
    }

    // MARK: Inputs and outputs

    /// All inputs are rows in the arena when a run begins, and become maps first of all.
    mutating func readInputs() {
        builder.beginGroup(network.input)
        let regions =
            [builder.inputRegion]
            + network.inputs.dropFirst().map { builder.addInput($0.name, PlanOperation.Shape($0.shape)) }
        for (port, region) in zip(network.inputs, regions) {
            maps[port.map] = builder.fromRows(
                port.name, region, PlanOperation.Shape(port.shape), channelsLast: port.layout == .channelsLast)
        }
    }

    mutating func writeOutputs() throws(GraphFailure) -> [Plan.Place] {
        var places: [Plan.Place] = []
        for port in network.outputs {
            guard let map = maps[port.map] else { throw GraphFailure("the output is computed by no step") }
            if isSection {
                builder.aimAtResult()
                let floats = builder.copied(port.name, map, as: .float32)
                places.append(Plan.Place(name: port.name, offset: floats.region.offset, count: map.shape.storage))
            } else if map.shape.pixels == 1 {
                let vector = builder.copied(port.name, map, as: .float32)
                places.append(Plan.Place(name: port.name, offset: vector.region.offset, count: vector.shape.channels))
            } else {
                builder.beginGroup(port.name)
                let floats = builder.copied(port.name, map, as: .float32)
                places.append(builder.toRows(port.name, floats, channelsLast: port.layout == .channelsLast))
            }
        }
        return places
    }

    // MARK: Concatenation

    /// Lets go of a place that the step did not take.
    mutating func dropTarget() {
        if let owner = builder.target?.owner { builder.releaseShared(owner) }
        builder.target = nil
    }

    private mutating func gather(
        _ step: FusedStep, _ channels: [FusedChannels], _ shape: PlanOperation.Shape
    ) throws(GraphFailure) -> PlanBuilder.Map {
        var parts: [PlanBuilder.Channels] = []
        // A shuffle of channels has a part for every one: what they all are taken from is converted once.
        var maps: [Int: PlanBuilder.Map] = [:]
        for run in channels {
            if let place = run.input, maps[place] == nil {
                maps[place] = builder.copied(step.name, try input(step, place), as: .float32)
            }
            parts.append(.init(map: run.input.flatMap { maps[$0] }, first: run.first, count: run.count))
        }
        defer { builder.releaseCopies() }
        if let whole = builder.joined(parts, shape) { return whole }
        let target = builder.target ?? placing.root(step.output, in: &builder)
        builder.target = nil
        return builder.gather(step.name, parts, shape, into: target)
    }
}

extension PlanBuilder {
    /// The map that maps of one shared region are together, where they lie side by side.
    fileprivate mutating func joined(_ parts: [Channels], _ shape: PlanOperation.Shape) -> Map? {
        let lanes = Int(CK_LANES)
        guard let first = parts.first?.map, let owner = first.owner else { return nil }
        var channel = 0
        for part in parts {
            guard let map = part.map, map.owner == owner, part.first == 0, part.count == map.shape.channels,
                channel % lanes == 0, map.shape.pixels == shape.pixels,
                map.region.offset == first.region.offset + channel * shape.pixels
            else { return nil }
            channel += part.count
        }
        shared[owner].users += 1
        return Map(
            shape: shape, element: .float32, region: .init(offset: first.region.offset, count: shape.storage),
            owner: owner)
    }
}

/// Which maps are computed in place within a later concatenation of channels, whose blocks lie one after another.
///
/// A map lies in the last concatenation that it is part of; an earlier one of the same first maps, as in DenseNet
/// (Huang et al. 2017), is then a part of that and needs no copy.
struct ConcatenationPlaces {
    private struct Place {
        let root: String
        let block: Int
    }

    private var places: [String: Place] = [:]
    private var shapes: [String: PlanOperation.Shape] = [:]
    /// Regions by the name of the concatenation.
    private var regions: [String: Int] = [:]

    /// None.
    init() {}

    init(_ network: FusedNetwork) {
        let lanes = Int(CK_LANES)
        var made: [String: FusedStep] = [:]
        for step in network.steps { made[step.output] = step }
        for step in network.steps.reversed() {
            guard case .gather(let channels) = step.work, step.shape.pixels > 1, channels.count > 1 else { continue }
            let own = places[step.output]
            var (channel, isUsed) = (0, false)
            for run in channels {
                defer { channel += run.count }
                guard let input = run.input, let source = made[step.inputs[input]], source.isPlaceable,
                    places[source.output] == nil, run.first == 0, run.count == source.shape.channels,
                    channel % lanes == 0, source.shape.pixels == step.shape.pixels
                else { continue }
                places[source.output] = Place(
                    root: own?.root ?? step.output, block: (own?.block ?? 0) + channel / lanes)
                isUsed = true
            }
            if isUsed, own == nil { shapes[step.output] = PlanOperation.Shape(step.shape) }
        }
    }

    /// Where a step's result goes, if a concatenation wants it.
    mutating func target(of step: FusedStep, in builder: inout PlanBuilder) -> PlanBuilder.Map? {
        guard let place = places[step.output], let region = region(place.root, in: &builder) else { return nil }
        return builder.part(of: region, block: place.block, PlanOperation.Shape(step.shape))
    }

    /// A concatenation in the region that its parts were computed in.
    mutating func root(_ name: String, in builder: inout PlanBuilder) -> PlanBuilder.Map? {
        guard let shape = shapes[name], let region = region(name, in: &builder) else { return nil }
        defer { builder.releaseShared(region) }
        return builder.part(of: region, block: 0, shape)
    }

    private mutating func region(_ root: String, in builder: inout PlanBuilder) -> Int? {
        guard let shape = shapes[root] else { return nil }
        if let region = regions[root] { return region }
        let region = builder.share(shape)
        regions[root] = region
        return region
    }
}

extension FusedStep {
    /// Whether its result is written to a place of its own.
    fileprivate var isPlaceable: Bool {
        switch work {
        case .scaling: false
        default: shape.pixels > 1
        }
    }
}

extension ck_tap {
    init(_ tap: FusedTap) {
        self.init(
            first: Int32(tap.first), second: Int32(tap.second), first_weight: tap.firstWeight,
            second_weight: tap.secondWeight)
    }
}

extension FusedCombination.Kind {
    var code: ck_combination {
        switch self {
        case .add: CK_ADD
        case .subtract: CK_SUBTRACT
        case .multiply: CK_MULTIPLY
        case .divide: CK_DIVIDE
        case .maximum: CK_MAXIMUM
        case .minimum: CK_MINIMUM
        }
    }
}

extension FusedCombination.Operand {
    var code: ck_operand {
        switch self {
        case .each: CK_EACH
        case .perChannel: CK_PER_CHANNEL
        case .perPixel: CK_PER_PIXEL
        }
    }
}
