import ArgumentParser
import FleetListings
import FleetModel
import SearchInputs
import SearchSpace

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Search the most accurate subnet for each latency constraint.",
        discussion: "Random sampling, then evolution, as in Dynamic-OFA. The same seed gives the same result.")

    @Option(help: "ofa-mbv3, or a supernet package.")
    var space: String
    @Option(help: "Published predictor (.pth) or measured accuracies (shoal measure accuracy).")
    var accuracyPredictor: String
    @Option(help: "A table of shoal measure latency, or a folder of Dynamic-OFA's tables.")
    var latencyTable: String
    @Option(help: "Processor that the table was measured on, where it does not say: cpu, gpu, ...")
    var processor: String?
    @Option(parsing: .upToNextOption, help: "Latency constraints in milliseconds.")
    var latency: [Double] = []
    @Option(
        parsing: .unconditional,
        help: "Instead of --latency: this many constraints between the fastest and the slowest subnet.")
    var points: Int?
    @Option(parsing: .unconditional, help: "Most FLOPs of every point.")
    var flops: Double?
    @Option(
        parsing: .unconditional,
        help: "Most bytes of every point: its own parameters and the largest maps, in 32-bit floats.")
    var memory: Double?
    @Option(parsing: .unconditional, help: "Least accuracy, 0...1.")
    var accuracyFloor: Double?
    @Option(parsing: .unconditional, help: "Seed of the search.")
    var seed: UInt64 = 1
    @Option(
        parsing: .unconditional, help: "Stop evolving after this many seconds; the result then depends on the machine.")
    var seconds: Double?
    @Flag(
        help: """
            Measure the points on this machine before they are given: of a supernet package, at most six subnets per \
            point. A point whose measured latency does not keep its constraint gives way to the next best. A table \
            that is off by a factor is multiplied by it first. Exit code 1 if no point could be verified.
            """)
    var verify = false
    @Option(help: "A file with a JSON list of subnets: what the predictors say of them is printed too.")
    var subnets: String?
    @Flag(help: "Also measure how many accuracies one thread predicts in a second, of random subnets.")
    var rate = false
    @Option(name: .shortAndLong, help: "Also write the result as JSON.")
    var output: String?
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard latency.isEmpty != (points == nil) else { throw ValidationError("give either --latency or --points") }
        guard latency.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw ValidationError("--latency: give milliseconds above 0")
        }
        guard points.map({ (1...64).contains($0) }) ?? true else { throw ValidationError("--points: give 1 to 64") }
        for (name, value) in [("--flops", flops), ("--memory", memory)] {
            guard value.map({ $0.isFinite && $0 > 0 }) ?? true else {
                throw ValidationError("\(name): give more than 0")
            }
        }
        guard accuracyFloor.map({ (0...1).contains($0) }) ?? true else {
            throw ValidationError("--accuracy-floor: give 0 to 1")
        }
        guard !verify || space != SearchSpace.ofaMobileNetV3.name else {
            throw ValidationError("--verify: --space \(space) has no weights to run; name a supernet package")
        }
        guard seconds.map({ $0 > 0 }) ?? true else { throw ValidationError("--seconds: give more than 0") }
    }

    func run() async throws {
        try await refusing("searching") {
            if let output {
                try OutputFile.checkFolder(of: output)
                try OutputFile.check(
                    output, isNoneOf: [space, accuracyPredictor, latencyTable, subnets].compactMap(\.self))
            }
            let summary = try LocalSearch(request).run()
            if let output { try OutputFile.writeJSON(summary, to: output) }
            try show(summary)
            guard verify, !summary.points.contains(where: { $0.verified == true }) else { return }
            Terminal.error("no point keeps its constraint where it was measured")
            throw ExitCode(ExitStatus.negative.rawValue)
        }
    }

    private var request: LocalSearch.Request {
        var request = LocalSearch.Request(
            space: space, accuracyPredictor: accuracyPredictor, latencyTable: latencyTable)
        (request.processor, request.latencies, request.points) = (processor, latency, points)
        (request.flops, request.memoryBytes) = (flops, memory)
        (request.accuracyFloor, request.seed, request.seconds) = (accuracyFloor ?? 0, seed, seconds)
        (request.verifies, request.candidates) = (verify, verify ? FleetLimits.candidatesPerPoint : 1)
        (request.subnets, request.measuresRate) = (subnets, rate)
        return request
    }

    private func show(_ summary: SearchSummary) throws {
        guard format.format == .table else { return try format.print(summary) }
        var table = TextTable(
            ["CONSTRAINT ms", "PREDICTED ms", "ACCURACY", "RELAXED TO"] + (verify ? ["MEASURED ms"] : []) + ["SUBNET"])
        for point in summary.points {
            let measured = point.measuredLatencyMilliseconds.map { $0.text(3) } ?? "not verified"
            table.add(
                [
                    point.latencyMilliseconds.text(3), point.predictedLatencyMilliseconds.text(3),
                    point.predictedAccuracy.text(4), point.relaxedTo?.text(3) ?? "-",
                ] + (verify ? [measured] : []) + ["\(point.configuration)"])
        }
        Terminal.print(table.text)
        for point in summary.points {
            for reason in [point.relaxedBecause.map { "relaxed, \($0)" }, point.reason].compactMap(\.self) {
                Terminal.print("\(point.latencyMilliseconds.text(3)) ms: \(reason)")
            }
        }
        for subnet in summary.subnets ?? [] {
            let figures = [subnet.predictedLatencyMilliseconds.text(3), subnet.predictedAccuracy.text(4)]
            Terminal.print("given: \(figures[0]) ms, accuracy \(figures[1]): \(subnet.configuration)")
        }
        if let scale = summary.latencyScale, scale != 1 {
            Terminal.print(
                "this machine takes \(scale.text(3)) of what the table of \(summary.boardClass) says, by "
                    + "\(summary.scaleMeasurements ?? 0) subnets: searched by that")
        }
        let quality = summary.predictorSpearman.map { ", Spearman \($0.text(3)) on unseen subnets" } ?? ""
        Terminal.print(
            "\(summary.evaluated) subnets in \(summary.seconds.text(2)) s; predictor: \(summary.predictor)\(quality)")
        if let rate = summary.accuraciesPerSecond { Terminal.print("\(rate.text(0)) accuracies predicted a second") }
    }
}
