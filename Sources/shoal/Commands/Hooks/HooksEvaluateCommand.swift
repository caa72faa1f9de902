import ArgumentParser
import Datasets
import Engine
import Foundation
import HookNetworks
import Packages

struct HooksEvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Accuracy and time of a hooked network over budgets, beside the plain one.",
        discussion: """
            Plain network and every budget run in turn on each image, on one thread; of each the shortest of --repeat \
            runs counts. Ratios are over the plain network.
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
        transform: { text in
            guard let budget = text == "off" ? -1 : Float(text), budget.isFinite, budget <= 1 else {
                throw ValidationError("is neither off nor a number up to 1")
            }
            return budget
        })
    var budget: [Float]
    @Option(parsing: .unconditional, help: "Threads of an inference; this version has hooks on one.")
    var threads = 1
    @Option(name: .customLong("repeat"), parsing: .unconditional, help: "Runs of each image at each budget.")
    var repeats = 2
    @Option(help: "Picture of accuracy over latency to write (SVG).")
    var plot: String?
    @Option(help: "Use gates of these kinds only, separated by commas; all in the file without it.")
    var kinds: String?
    @Option(
        help:
            "In place of the gates, for comparison: random:P skips with this probability, fixed:A,B at these hooks."
    )
    var policy = "gates"
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard threads == 1 else { throw ValidationError("--threads: this version has hooks on one thread") }
        guard (1...100).contains(repeats) else { throw ValidationError("--repeat: give 1 to 100") }
        guard skip >= 0, limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit: give at least 1") }
    }

    func run() async throws { try await refusing { try evaluate() } }

    private struct Summary: Encodable {
        struct Point: Encodable {
            var budget: Float
            var top1: Double?
            var agreement: Double
            var damage: Double
            var flopsRatio: Double
            var latencyRatio: Double
            /// By the thread's processor time.
            var processorRatio: Double
            var skipRatio: Double
        }
        var images: Int
        var baselineTop1: Double?
        var baselineMilliseconds: Double
        var curve: [Point]
        var weightsSHA256: String
    }

    private func evaluate() throws {
        if let plot {
            try OutputFile.checkFolder(of: plot)
            try OutputFile.check(plot, isNoneOf: [package, hooks, statistics] + with + images + labels)
        }
        var loaded = try LoadedHooks(package: package, hooks: hooks, with: with, statistics: statistics)
        let stream = try HookStream(loaded.package, images: images, labels: labels, skip: skip, limit: limit)
        try select(in: &loaded.state)
        for hook in loaded.state.hooks where hook.usableGate == nil && used(hook.point.kind) {
            let reason = hook.gate == nil ? "was not trained" : "failed its validation"
            Terminal.note(
                "shoal: warning: the gate of kind \(hook.point.kind.rawValue) at \(hook.point.operator) \(reason) "
                    + "and is not used")
        }
        let network = try loaded.network()
        let policy = try parsedPolicy()
        if policy != .gates {
            guard let blocks = network as? BlockNetwork else {
                throw Refusal("--policy: is for hooks within a network")
            }
            blocks.policy = policy
        }
        var evaluator = HookEvaluator(network, budgets: budget, repeats: repeats)
        let progress = Progress("Evaluating", total: stream.images.count)
        for index in 0..<stream.images.count {
            evaluator.evaluate(stream.image(index), label: stream.images.labels?[index])
            progress.update(index + 1)
        }
        let summary = try summary(evaluator, hasLabels: stream.images.labels != nil)
        if let plot { try write(plot, summary) }
        try show(summary)
    }

    private func used(_ kind: GateKind) -> Bool {
        kinds.map { $0.split(separator: ",").contains { $0 == kind.rawValue } } ?? true
    }

    /// Leaves out the gates of kinds that are not asked for; their places stay what other gates know them as.
    private func select(in state: inout HookState) throws {
        for name in (kinds ?? "").split(separator: ",") where !state.kinds.contains(where: { $0.rawValue == name }) {
            throw Refusal("--kinds \(name): \(hooks) has no gates of this kind", .notFound)
        }
        for index in state.hooks.indices where !used(state.hooks[index].point.kind) { state.hooks[index].gate = nil }
    }

    private func parsedPolicy() throws -> BlockNetwork.Policy {
        if policy == "gates" { return .gates }
        if policy.hasPrefix("random:"), let probability = Double(policy.dropFirst(7)), (0...1).contains(probability) {
            return .random(probability: probability)
        }
        if policy.hasPrefix("fixed:") {
            let numbers = policy.dropFirst(6).split(separator: ",").map { Int($0) }
            if !numbers.contains(nil) { return .fixed(Set(numbers.compactMap { $0 })) }
        }
        throw Refusal("--policy \(policy): is none of gates, random:P, fixed:A,B")
    }

    private func summary(_ evaluator: HookEvaluator, hasLabels: Bool) throws -> Summary {
        let count = Double(evaluator.images)
        func top1(_ sums: HookEvaluator.Sums) -> Double? { hasLabels ? Double(sums.correct) / count : nil }
        return Summary(
            images: evaluator.images, baselineTop1: top1(evaluator.plain),
            baselineMilliseconds: Double(evaluator.plain.nanoseconds) / count / 1e6,
            curve: evaluator.budgets.indices.map { index in
                let sums = evaluator.hooked[index]
                return .init(
                    budget: evaluator.budgets[index], top1: top1(sums), agreement: Double(sums.agreeing) / count,
                    damage: sums.damage / count, flopsRatio: evaluator.flopsRatio(index),
                    latencyRatio: evaluator.latencyRatio(index), processorRatio: evaluator.processorRatio(index),
                    skipRatio: sums.skipRatio)
            }, weightsSHA256: try PackageFile(package).weightsSHA256())
    }

    private func write(_ path: String, _ summary: Summary) throws {
        guard let baseline = summary.baselineTop1 else { throw Refusal("--plot: a curve of accuracy needs labels") }
        let points = summary.curve.compactMap { point in point.top1.map { (point.latencyRatio, 100 * $0) } }
        let name = URL(filePath: package).lastPathComponent
        let plot = CurvePlot(
            title: "\(name): accuracy over latency", baseline: 100 * baseline,
            series: [
                .init("with hooks", points: points, isLine: true),
                .init("plain network", points: [(1, 100 * baseline)], isLine: false),
            ])
        do { try Data(plot.svg.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
            throw Refusal("\(path): cannot be written: \(error.localizedDescription)", .environment)
        }
    }

    private func show(_ summary: Summary) throws {
        guard format.format == .table else { return try Terminal.json(summary) }
        var table = TextTable(["BUDGET", "TOP-1 %", "AGREES %", "DAMAGE", "FLOPS", "LATENCY", "PROCESSOR", "SKIPPED"])
        for point in summary.curve {
            table.add([
                point.budget < 0 ? "off" : "\(point.budget)", point.top1.map { (100 * $0).text(2) } ?? "-",
                (100 * point.agreement).text(2),
                point.damage.text(4), point.flopsRatio.text(3), point.latencyRatio.text(3),
                point.processorRatio.text(3), point.skipRatio.text(3),
            ])
        }
        Terminal.print(table.text)
        let accuracy = summary.baselineTop1.map { "top-1 \((100 * $0).text(2)) %, " } ?? ""
        Terminal.print(
            """
            \(summary.images) images; plain network: \(accuracy)\(summary.baselineMilliseconds.text(3)) ms; \
            SHA-256 of its weights \(summary.weightsSHA256)
            """)
    }
}
