public import Engine
public import Fusion
import Graphs
import PostTrainingQuantization
public import NetworkParts

/// A frozen network each of whose convolutions can be computed in fp32, bf16 or int8: plans of any assignment over one
/// copy of every form of the weights that any of them needs.
///
/// Its channels are equalised where 8 bits need that: in fp32 throughout it computes what the network does, but for
/// rounding, and for values above all that calibration has seen before a clipped activation. Belongs to one thread.
public final class MixedPrecision {
    public let network: FusedNetwork
    let forms: EightBitForms
    let kernels: KernelSet
    /// The convolutions' steps, in order.
    public let steps: [FusedStep]
    public let weights = PackedWeights()

    /// - Throws: where ranges do not belong to the network, or it is quantised already.
    public init(_ plain: FusedNetwork, _ state: PrecisionState, kernels: KernelSet) throws(HookRefusal) {
        guard plain.quantizations.isEmpty, plain.inputs.count == 1, plain.outputs.count == 1 else {
            throw HookRefusal("is quantised already, or has several inputs or outputs")
        }
        var channels = [plain.input: plain.inputShape.channels]
        for step in plain.steps { channels[step.output] = step.shape.channels }
        for (name, count) in channels {
            guard state.ranges.quantizations[name] != nil, state.ranges.means[name]?.count == count else {
                throw HookRefusal("has no range of \(name)")
            }
        }
        let written = Set(plain.steps.filter(\.isConvolution).map(\.output))
        for (name, gains) in state.gains {
            guard written.contains(name), gains.count == channels[name] else { throw HookRefusal("gains for \(name)") }
        }
        network = plain.equalized(by: state.gains)
        steps = network.steps.filter(\.isConvolution)
        forms = EightBitForms(network.quantized(by: state.ranges))
        self.kernels = kernels
        guard !steps.isEmpty else { throw HookRefusal("has no convolutions") }
        for (index, mask) in state.masks.enumerated() {
            guard mask.count == steps.count, zip(mask, steps).allSatisfy({ $0 != .int8 || forms.cover($1) }) else {
                throw HookRefusal("mask \(index) is for other convolutions")
            }
        }
    }

    /// What may be chosen for a convolution, the most exact first.
    public func choices(_ index: Int) -> [Precision] {
        let isGrouped: Bool
        if case .convolution(let convolution) = steps[index].work {
            isGrouped = convolution.groups > 1 && !convolution.isDepthwise
        } else {
            isGrouped = false
        }
        return [.fp32] + (isGrouped ? [] : [.bf16]) + (forms.cover(steps[index]) ? [.int8] : [])
    }

    public func flops(_ index: Int) -> Int {
        guard case .convolution(let convolution) = steps[index].work else { return 0 }
        return 2 * convolution.weights.count * steps[index].shape.pixels
    }

    /// The whole network with an assignment.
    /// - Throws: naming the step that no kernel covers.
    public func plan(_ mask: PrecisionState.Mask) throws(HookRefusal) -> Plan {
        do { return try network.plan(precisions(mask), forms, weights: weights, kernels: kernels) } catch {
            throw HookRefusal("\(error)")
        }
    }

    /// The network up to a section, which all masks have in common, and for each mask the rest.
    public func plan(_ masks: [PrecisionState.Mask], before section: Int) throws(HookRefusal) -> SectionedPlan {
        guard (1..<network.sections().count).contains(section), !masks.isEmpty else {
            throw HookRefusal("has no section \(section) to choose precisions before")
        }
        let count = firstCount(before: section)
        guard masks.allSatisfy({ $0[..<count] == masks[0][..<count] }) else {
            throw HookRefusal("masks differ before section \(section)")
        }
        do {
            return try SectionedPlan(
                network, before: section, ways: masks.map(precisions), forms, weights: weights, kernels: kernels)
        } catch { throw HookRefusal("\(error)") }
    }

    /// Convolutions before a section.
    public func firstCount(before section: Int) -> Int {
        network.split(before: section).first.steps.count(where: \.isConvolution)
    }

    /// The first section before which this share of the work lies, with a map that kernels read in blocks.
    public func border(after share: Double) throws(HookRefusal) -> Int {
        let sections = network.sections()
        let all = steps.indices.reduce(0) { $0 + flops($1) }
        for section in sections.indices.dropFirst() where sections[section].network.inputShape.channels > 8 {
            let before = (0..<firstCount(before: section)).reduce(0) { $0 + flops($1) }
            if Double(before) >= share * Double(all) { return section }
        }
        throw HookRefusal("has no place between its sections where precisions could be chosen")
    }

    private func precisions(_ mask: PrecisionState.Mask) -> [String: Precision] {
        Dictionary(uniqueKeysWithValues: zip(steps.map(\.output), mask))
    }
}
