import Datasets
import Engine
import Fusion
import HookNetworks
import PlanEvaluation
import PostTrainingQuantization
import ProgressLines
import Supernets

/// Hooks that choose the precision of a network's convolutions.
extension HookedPackage {
    /// - Parameter state: what was measured on calibration images.
    func mixed(_ state: PrecisionState) throws -> MixedPrecision {
        do { return try MixedPrecision(try fusedNetwork(), state, kernels: kernels) } catch let refusal as HookRefusal {
            throw Refusal("\(path): \(refusal)")
        }
    }

    func fusedNetwork() throws -> FusedNetwork {
        guard let fused else { throw Refusal("\(path): hooks within a network are for networks, not for subnets") }
        return fused
    }
}

extension LoadedHooks {
    func precisionNetwork(_ precision: PrecisionState) throws -> PrecisionNetwork {
        do {
            return try PrecisionNetwork(
                plain: package.plan, try package.mixed(precision), precision, hooks: state.hooks,
                budgets: state.budgetMap)
        } catch let refusal as HookRefusal { throw Refusal("\(package.path): \(refusal)") }
    }
}

/// Finds the attachment points of kind bits: every convolution, and assignments of precisions to all of them.
struct PrecisionBuilder {
    /// Images on which assignments are compared.
    static let searchImages = 64

    let package: HookedPackage
    let stream: HookStream
    let file: String
    let method: RangeMethod
    /// Of the work that lies before the choice.
    let share: Double

    func build() throws -> HookState {
        let network = try package.fusedNetwork()
        let preprocessor = try package.preprocessor(for: stream.images, file: file)
        let (gains, ranges) = try Quantizing.ranges(
            network, path: package.path, on: stream.images, file: file, preprocessor, method)
        var state = PrecisionState(ranges: ranges, gains: gains)
        let model = try package.mixed(state)
        let border: Int
        do { border = try model.border(after: share) } catch { throw Refusal("\(package.path): \(error)") }
        state.border = border
        let plain = [Precision](repeating: .fp32, count: model.steps.count)
        let progress = Progress("Searching, per mille", total: 1_000)
        let search = PrecisionSearch(
            model, plain: package.plan, count: min(Self.searchImages, stream.images.count),
            images: { stream.image($0) }, progress: { progress.update(Int(1_000 * $0)) })
        do {
            let saved = try PrecisionTimer.savings(model, base: plain, repeats: 12)
            state.convolutions = model.steps.indices.map { index in
                .init(
                    output: model.steps[index].output, operator: model.steps[index].name, flops: model.flops(index),
                    savedMicroseconds: saved[index])
            }
            state.masks = try search.masks(before: border)
            progress.update(1_000)
            var result = HookState(
                kinds: [.bits], weightsSHA256: package.weightsSHA256, graphSHA256: package.graphSHA256,
                hooks: try hooks(model, state, search))
            result.precision = state
            return result
        } catch let refusal as HookRefusal { throw Refusal("\(package.path): \(refusal)") }
    }

    /// A hook for each assignment, with what it saves against the plain network.
    private func hooks(
        _ model: MixedPrecision, _ state: PrecisionState, _ search: PrecisionSearch
    ) throws -> [HookState.Hook] {
        let plans = [package.plan] + (try state.masks.map { try model.plan($0) })
        let times = InterleavedTimer.measure(plans, repeats: 30).map { 1_000 * ($0.wall.min() ?? 0) }
        return try state.masks.enumerated().map { index, mask in
            let flops = mask.indices.filter { mask[$0] == .int8 }.reduce(0) { $0 + model.flops($1) }
            let damage = try search.damage(of: mask)
            return HookState.Hook(
                AttachmentPoint(
                    kind: .bits, operator: "\(mask.summary), damage \(damage.text(4))", flops: flops,
                    microseconds: times[0] - times[index + 1], parts: state.border..<state.border))
        }
    }
}

extension PrecisionState.Mask {
    /// Such as `51 int8, 2 bf16, 2 fp32`.
    var summary: String {
        Precision.allCases.reversed().compactMap { precision in
            let number = count { $0 == precision }
            return number == 0 ? nil : "\(number) \(precision.rawValue)"
        }.joined(separator: ", ")
    }
}

extension Float {
    fileprivate func text(_ places: Int) -> String { Double(self).text(places) }
}
