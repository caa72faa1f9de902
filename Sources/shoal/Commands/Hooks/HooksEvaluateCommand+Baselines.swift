import Datasets
import Engine
import FleetListings
import HookNetworks
import PlanEvaluation

extension HooksEvaluateCommand {
    /// What something simpler reaches at as many FLOPs as a point of the curve.
    struct BaselinePoint: Encodable {
        /// Of each decision, where they are random.
        var probability: Double?
        /// Those always taken, where they are fixed.
        var hooks: [Int]?
        var top1: Double?
        var agreement: Double
        var flopsRatio: Double
        var latencyRatio: Double
        var processorRatio: Double
    }

    /// Of these images the probability is read off.
    private static let probingImages = 48

    /// The plain network, which takes no decision, is the summary's own baseline.
    func addBaselines(
        to summary: inout Summary, _ loaded: LoadedHooks, _ stream: HookStream, _ feed: ReadingFeed?
    ) throws {
        let probed = stream.group(of: min(Self.probingImages, stream.images.count))
        defer { withExtendedLifetime(probed) {} }
        let probes = probed.images(0..<min(Self.probingImages, stream.images.count))
        let choices = Baseline.choices(of: loaded.state.hooks, kinds: chosenKinds)
        var candidates: [HookEvaluator.Candidate] = []
        var settings: [(point: Int, baseline: BaselinePoint)] = []
        func empty(_ probability: Double?, _ hooks: [Int]?) -> BaselinePoint {
            BaselinePoint(
                probability: probability, hooks: hooks, agreement: 0, flopsRatio: 0, latencyRatio: 0, processorRatio: 0)
        }
        let isPrecision = loaded.state.precision != nil
        let savings = loaded.state.hooks.map(\.point.microseconds)
        for (index, point) in summary.curve.enumerated()
        where point.budget >= 0 && point.skipRatioByHook.contains(where: { $0 > 0 }) {
            let target = point.flopsRatio * Double(loaded.package.plan.flops)
            let saved = zip(point.skipRatioByHook, savings).reduce(0) { $0 + $1.0 * $1.1 }
            let (random, fixed) = (try network(loaded), try network(loaded))
            if let probability = isPrecision
                ? Baseline.random(random, saving: saved, of: savings)
                : Baseline.random(random, flops: target, on: probes)
            {
                candidates.append(.init(random, budget: 0))
                settings.append((index, empty(probability, nil)))
            }
            if let choice = isPrecision
                ? Baseline.fixed(fixed, saving: 0.995 * saved, of: savings, among: choices)
                : Baseline.fixed(fixed, flops: 1.005 * target, among: choices, on: probes[0])
            {
                candidates.append(.init(fixed, budget: 0))
                settings.append((index, empty(nil, choice.hooks.sorted())))
            }
        }
        guard !candidates.isEmpty else { return }
        var evaluator = HookEvaluator(candidates, plain: loaded.package.plan, repeats: repeats)
        if let feed { evaluator.prepare = { feed.set($0, $1) } }
        evaluate(stream, &evaluator)
        let count = Double(evaluator.images)
        for (index, setting) in settings.enumerated() {
            let sums = evaluator.hooked[index]
            var baseline = setting.baseline
            baseline.top1 = stream.images.labels.map { _ in Double(sums.correct) / count }
            baseline.agreement = Double(sums.agreeing) / count
            baseline.flopsRatio = evaluator.flopsRatio(index)
            baseline.latencyRatio = evaluator.latencyRatio(index)
            baseline.processorRatio = evaluator.processorRatio(index)
            if baseline.hooks == nil {
                summary.curve[setting.point].random = baseline
            } else {
                summary.curve[setting.point].fixed = baseline
            }
        }
    }

    func baselineTable(_ summary: Summary) -> TextTable {
        var table = TextTable(["BUDGET", "BASELINE", "TOP-1 %", "AGREES %", "FLOPS", "LATENCY", "PROCESSOR"])
        func add(_ budget: Float, _ name: String, _ one: BaselinePoint) {
            table.add([
                "\(budget)", name, one.top1.map { (100 * $0).text(2) } ?? "-", (100 * one.agreement).text(2),
                one.flopsRatio.text(3), one.latencyRatio.text(3), one.processorRatio.text(3),
            ])
        }
        for point in summary.curve {
            if let one = point.random { add(point.budget, "random \((one.probability ?? 0).text(3))", one) }
            if let one = point.fixed {
                add(point.budget, "fixed \((one.hooks ?? []).map(String.init).joined(separator: ","))", one)
            }
        }
        return table
    }
}
