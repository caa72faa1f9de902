import ArgumentParser
import Datasets
import Engine
import GateCalibration
import HookNetworks
import PlanEvaluation
import ProgressLines
import Supernets

struct HookedRunOptions: ParsableArguments {
    @Option(help: "Hook file of the package: run with its gates, on one thread.")
    var hooks: String?
    @Option(help: "With --hooks: the smaller networks' packages, where they are not where they were.")
    var with: [String] = []
    @Option(
        parsing: .unconditional,
        help: "With --hooks: damage to be put up with per image, 0 to 1; off, or below 0: no gate runs.",
        transform: HookBudget.parsed)
    var budget: Float?
    @OptionGroup var readings: ReadingOptions

    mutating func validate() throws {
        if hooks == nil {
            guard with.isEmpty, budget == nil, readings.sensor.isEmpty, readings.sensors == nil else {
                throw ValidationError("--with, --budget, --sensor, --sensors: go with --hooks")
            }
        } else {
            guard budget != nil else { throw ValidationError("--budget: give a number up to 1, or off") }
        }
    }

    /// - Returns: `nil` without hooks.
    func run(of package: String) -> HookedRun? {
        guard let hooks, let budget else { return nil }
        return HookedRun(package: package, hooks: hooks, with: with, budget: budget, readings: readings)
    }
}

/// `shoal run` with hooks.
struct HookedRun {
    let package: String
    let hooks: String
    let with: [String]
    let budget: Float
    let readings: ReadingOptions

    private struct Summary: Encodable {
        var images: Int
        var budget: Float
        /// What gates were held to for it.
        var heldBudget: Float
        var top1: Double?
        var latencyMilliseconds: LatencySummary
        /// Mean over the images, gates included.
        var flops: Int
        var decisionsTaken: Double
        var instructionSet: String
    }

    func run(
        on images: [String], labels: [String], limit: Int?, statistics: String?, logits path: String?,
        _ format: FormatOptions
    ) throws {
        let loaded = try LoadedHooks(package: package, hooks: hooks, with: with, statistics: statistics)
        let stream = try HookStream(loaded.package, images: images, labels: labels, skip: 0, limit: limit)
        let network = try loaded.network()
        let feed = try readings.feed(for: loaded, images: stream.images.count, skipping: 0)
        let classes = loaded.package.plan.outputCount
        if let label = stream.images.labels?.first(where: { $0 >= classes }) {
            throw Refusal("\(labels.first ?? images[0]): label \(label), the network has \(classes) classes")
        }
        var (logits, times, correct, flops, taken, decisions) = ([Float](), [Double](), 0, 0, 0, 0)
        let count = stream.images.count
        let counted = StatusLine.standardError.goOn("running images", of: count)
        for index in 0..<count {
            let image = stream.image(index)
            if let feed, let readings = network.readings { feed.set(index, readings) }
            let start = PlanTimer.now()
            let answer = network.answer(image, budget: budget)
            times.append(Double(PlanTimer.now() - start) / 1e6)
            if path != nil { logits.append(contentsOf: answer.logits) }
            if answer.logits.indexOfMaximum == stream.images.labels?[index] { correct += 1 }
            flops += answer.flops
            taken += answer.taken
            decisions += answer.decisions
            counted()
        }
        if let path { try NumpyFile.write(logits, shape: [count, classes], to: path) }
        let latency = LatencySummary(times)
        let summary = Summary(
            images: count, budget: budget, heldBudget: network.budgets.held(budget),
            top1: stream.images.labels.map { _ in Double(correct) / Double(count) },
            latencyMilliseconds: latency, flops: flops / count,
            decisionsTaken: Double(taken) / Double(max(1, decisions)),
            instructionSet: try KernelSet.selected().instructionSet.rawValue)
        guard format.format == .table else { return try format.print(summary) }
        let accuracy = summary.top1.map { "top-1 \((100 * $0).text(2)) %, " } ?? ""
        Terminal.print(
            """
            \(count) images, \(budget < 0 ? "hooks off" : "budget \(budget) held to \(summary.heldBudget)"), \
            \(accuracy)latency p50 \(latency.p50.text(3)) ms, \
            p90 \(latency.p90.text(3)) ms, p99 \(latency.p99.text(3)) ms, \(summary.flops) FLOPs, \
            \((100 * summary.decisionsTaken).text(1)) % of decisions taken
            """)
    }
}

/// What `--budget` takes.
enum HookBudget {
    static func parsed(_ text: String) throws -> Float {
        guard let budget = text == "off" ? -1 : Float(text), budget.isFinite, budget <= 1 else {
            throw ValidationError("is neither off nor a number up to 1")
        }
        return budget
    }
}
