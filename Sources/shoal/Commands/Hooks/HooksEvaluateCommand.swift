import ArgumentParser
import Datasets
import Engine
import FleetListings
import Foundation
import GateCalibration
import HookNetworks
import HookPictures
import Packages
import PlanEvaluation
import ProgressLines

struct HooksEvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Accuracy and time of a hooked network over budgets, beside the plain one.",
        discussion: """
            Plain network and every budget run in turn, each a group of images at a time after one that does not \
            count, on one thread; of each image the shortest of --repeat runs counts. Ratios are over the plain network.
            HELD TO is the budget that gates decide by, so that the mean DAMAGE of all their decisions together stays \
            within the budget; MOVED is the share of probability that moved, ECE the calibration error of answers, \
            GATES' ECE and BRIER those of the damages that gates predicted.
            """)

    @Argument(help: "The network package.")
    var package: String
    @Argument(help: "Hook file.")
    var hooks: String
    @Option(help: "The smaller network packages, where they are not where they were when the hooks were built.")
    var with: [String] = []
    @Option(help: "The subnets' statistics, where they are not where they were.")
    var statistics: String?
    @Option(parsing: .upToNextOption, help: "Images that the gates have not learned from.")
    var images: [String]
    @Option(parsing: .upToNextOption, help: "Their labels, where the images' files have none.")
    var labels: [String] = []
    @Option(parsing: .unconditional, help: "Leave out the first images.")
    var skip = 0
    @Option(parsing: .unconditional, help: "Use only so many images.")
    var limit: Int?
    @Option(
        parsing: .upToNextOption, help: "Damage to be put up with per image, 0 to 1; off leaves every gate out.",
        transform: HookBudget.parsed)
    var budget: [Float]
    @Option(parsing: .unconditional, help: "Threads of an inference; this version has hooks on one.")
    var threads = 1
    @Option(name: .customLong("repeat"), parsing: .unconditional, help: "Runs of each image at each budget.")
    var repeats = 2
    @Option(help: "Picture of accuracy over latency to write (SVG), with a curve for each kind besides all together.")
    var plot: String?
    @Option(help: "Picture to write (SVG) of how often each decision is taken.")
    var bars: String?
    @Option(help: "Use gates of these kinds only, separated by commas; all in the file without it.")
    var kinds: String?
    @Option(
        help:
            """
            In place of the gates, for comparison: random:P skips with this probability, fixed:A,B at these hooks; of \
            kind bits random:P takes the cheapest precisions, fixed:A those of hook A.
            """
    )
    var policy = "gates"
    @Flag(
        help: """
            Beside every budget, at as many FLOPs: decisions at random, and the same places for every image (those \
            that did the least damage while gates were trained).
            """)
    var baselines = false
    @Flag(help: "For comparison: gates decide by the budgets as they are asked for, whatever they do together.")
    var unheld = false
    @OptionGroup var readings: ReadingOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard threads == 1 else { throw ValidationError("--threads: this version has hooks on one thread") }
        guard (1...100).contains(repeats) else { throw ValidationError("--repeat: give 1 to 100") }
        guard skip >= 0, limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit: give at least 1") }
    }

    func run() async throws { try await refusing { try evaluate() } }

    struct Summary: Encodable {
        struct Point: Encodable {
            var budget: Float
            /// What gates are held to for it.
            var heldBudget: Float
            var top1: Double?
            var agreement: Double
            /// Mean damage as the budget counts it, and the standard error of the mean.
            var damage: Double
            var damageError: Double
            /// Mean total variation distance.
            var moved: Double
            var flopsRatio: Double
            var latencyRatio: Double
            /// By the thread's processor time.
            var processorRatio: Double
            var skipRatio: Double
            /// Share of the images at which each hook's decision was taken.
            var skipRatioByHook: [Double]
            /// Expected, of the answers' largest probabilities.
            var calibrationError: Double?
            /// Of answers that a gate accepted: the mean of what it predicted, the expected calibration error of that
            /// (fifteen bins of as many answers each), and the mean squared error (Brier score).
            var predictedDamage: Double?
            var predictedDamageError: Double?
            var predictedDamageBrier: Double?
            /// With --baselines, at as many FLOPs; left out where there is none.
            var random: BaselinePoint?
            var fixed: BaselinePoint?
        }
        var images: Int
        var baselineTop1: Double?
        var baselineCalibrationError: Double?
        var baselineMilliseconds: Double
        var curve: [Point]
        /// With gates of one kind only; for --plot.
        var curveByKind: [String: [Point]]
        var weightsSHA256: String
    }

    private func evaluate() throws {
        for picture in [plot, bars].compactMap({ $0 }) {
            try OutputFile.checkFolder(of: picture)
            try OutputFile.check(picture, isNoneOf: [package, hooks, statistics] + with + images + labels)
        }
        var loaded = try LoadedHooks(package: package, hooks: hooks, with: with, statistics: statistics)
        let stream = try HookStream(loaded.package, images: images, labels: labels, skip: skip, limit: limit)
        guard plot == nil || stream.images.labels != nil else {
            throw Refusal("--plot: a curve of accuracy needs labels")
        }
        try select(in: &loaded.state)
        if unheld { loaded.state.calibrations = [] }
        warn(loaded.state)
        let feed = try readings.feed(for: loaded, images: stream.images.count, skipping: skip)
        let kinds = curves(loaded.state)
        var candidates: [HookEvaluator.Candidate] = []
        for kind in [nil] + kinds {
            var part = loaded
            if let kind { part.state = part.state.leaving(only: [kind]) }
            let network = try network(part)
            candidates += budget.map { HookEvaluator.Candidate(network, budget: $0) }
        }
        var evaluator = HookEvaluator(candidates, plain: loaded.package.plan, repeats: repeats)
        if let feed { evaluator.prepare = { feed.set($0, $1) } }
        evaluate(stream, &evaluator)
        var summary = try summary(evaluator, kinds, hasLabels: stream.images.labels != nil)
        if baselines { try addBaselines(to: &summary, loaded, stream, feed) }
        if let plot { try write(plot, CurvePlot(summary, named: package).svg) }
        if let bars { try write(bars, skipPlot(summary, loaded.state).svg) }
        try show(summary)
    }

    func network(_ loaded: LoadedHooks) throws -> any HookedNetwork {
        let network = try loaded.network()
        do { network.policy = try DecisionPolicy(policy, hookCount: loaded.state.hooks.count) } catch {
            throw Refusal("--policy \(policy): \(error)")
        }
        (network as? BlockNetwork)?.decidingKinds = chosenKinds
        return network
    }

    /// Kinds that have a curve of their own.
    private func curves(_ state: HookState) -> [GateKind] {
        let kinds = state.kinds.filter(\.row.isWithinNetwork).filter(used)
        return plot != nil && kinds.count > 1 ? kinds : []
    }

    func evaluate(_ stream: HookStream, _ evaluator: inout HookEvaluator) {
        let progress = Progress("Evaluating", total: stream.images.count)
        let group = stream.group(of: HookEvaluator.groupCount)
        for start in stride(from: 0, to: stream.images.count, by: HookEvaluator.groupCount) {
            let range = start..<min(start + HookEvaluator.groupCount, stream.images.count)
            evaluator.evaluate(group.images(range), labels: stream.images.labels.map { Array($0[range]) })
            progress.update(range.upperBound)
        }
    }

    private func warn(_ state: HookState) {
        for hook in state.hooks where hook.usableGate == nil && !hook.isFixed && used(hook.point.kind) {
            let reason = hook.gate == nil ? "was not trained" : "failed its validation"
            let isConstant = hook.expectedDamage != nil || (state.precision != nil && hook.samples != nil)
            Terminal.note(
                "shoal: warning: the gate of kind \(hook.point.kind.rawValue) at \(hook.point.operator) \(reason) "
                    + (isConstant ? "and gives way to the mean damage that was measured" : "and is not used"))
        }
    }

    private func used(_ kind: GateKind) -> Bool {
        kinds.map { $0.split(separator: ",").contains { $0 == kind.rawValue } } ?? true
    }

    /// Leaves out the gates of kinds that are not asked for; their places stay what other gates know them as.
    private func select(in state: inout HookState) throws {
        let asked = kinds?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        for name in asked where !state.kinds.contains(where: { $0.rawValue == name }) {
            throw Refusal("--kinds \(name): \(hooks) has no gates of this kind", .notFound)
        }
        if let chosenKinds { state = state.leaving(only: chosenKinds) }
    }

    var chosenKinds: Set<GateKind>? {
        kinds.map { Set($0.split(separator: ",").compactMap { GateKind(rawValue: String($0)) }) }
    }

    private func summary(
        _ evaluator: HookEvaluator, _ kinds: [GateKind], hasLabels: Bool
    ) throws -> Summary {
        let count = Double(evaluator.images)
        func top1(_ sums: HookEvaluator.Sums) -> Double? { hasLabels ? Double(sums.correct) / count : nil }
        let points = evaluator.candidates.indices.map { index in
            let (sums, candidate) = (evaluator.hooked[index], evaluator.candidates[index])
            return Summary.Point(
                budget: candidate.budget, heldBudget: candidate.network.budgets.held(candidate.budget),
                top1: top1(sums), agreement: Double(sums.agreeing) / count,
                damage: sums.damage / count, damageError: sums.damageError(images: evaluator.images),
                moved: sums.moved / count,
                flopsRatio: evaluator.flopsRatio(index), latencyRatio: evaluator.latencyRatio(index),
                processorRatio: evaluator.processorRatio(index), skipRatio: sums.skipRatio,
                skipRatioByHook: sums.takenByHook.map { Double($0) / count }, calibrationError: sums.calibration.error,
                predictedDamage: sums.predictions.meanPrediction, predictedDamageError: sums.predictions.error,
                predictedDamageBrier: sums.predictions.brierScore)
        }
        var byKind: [String: [Summary.Point]] = [:]
        for (index, kind) in kinds.enumerated() {
            byKind[kind.rawValue] = Array(points[(index + 1) * budget.count..<(index + 2) * budget.count])
        }
        return Summary(
            images: evaluator.images, baselineTop1: top1(evaluator.plain),
            baselineCalibrationError: evaluator.plain.calibration.error,
            baselineMilliseconds: Double(evaluator.plain.nanoseconds) / count / 1e6,
            curve: Array(points.prefix(budget.count)), curveByKind: byKind,
            weightsSHA256: try PackageFile(package).weightsSHA256())
    }

    private func show(_ summary: Summary) throws {
        guard format.format == .table else { return try format.print(summary) }
        var table = TextTable([
            "BUDGET", "HELD TO", "DAMAGE", "MOVED", "TOP-1 %", "AGREES %", "FLOPS", "LATENCY", "PROCESSOR", "SKIPPED",
            "ECE", "GATES' ECE", "BRIER",
        ])
        for point in summary.curve {
            table.add([
                point.budget < 0 ? "off" : "\(point.budget)", point.budget < 0 ? "off" : "\(point.heldBudget)",
                "\(point.damage.text(4)) +-\(point.damageError.text(4))", point.moved.text(4),
                point.top1.map { (100 * $0).text(2) } ?? "-", (100 * point.agreement).text(2), point.flopsRatio.text(3),
                point.latencyRatio.text(3),
                point.processorRatio.text(3), point.skipRatio.text(3), point.calibrationError?.text(4) ?? "-",
                point.predictedDamageError?.text(4) ?? "-", point.predictedDamageBrier?.text(4) ?? "-",
            ])
        }
        Terminal.print(table.text)
        if baselines { Terminal.print(baselineTable(summary).text) }
        var accuracy = summary.baselineTop1.map { "top-1 \((100 * $0).text(2)) %, " } ?? ""
        if let error = summary.baselineCalibrationError { accuracy += "ECE \(error.text(4)), " }
        Terminal.print(
            """
            \(summary.images) images; plain network: \(accuracy)\(summary.baselineMilliseconds.text(3)) ms; \
            SHA-256 of its weights \(summary.weightsSHA256)
            """)
    }
}
