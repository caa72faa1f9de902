import ArgumentParser
import FleetModel
import Foundation
import LatencyPrediction
import Packages
import SearchInputs
import SearchSpace
import SubnetSearch
import Supernets

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
            point. A point whose measured latency does not keep its constraint gives way to the next best.
            """)
    var verify = false
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
        try await refusing {
            if let output {
                try OutputFile.checkFolder(of: output)
                try OutputFile.check(output, isNoneOf: [space, accuracyPredictor, latencyTable])
            }
            let summary = try search()
            if let output { try OutputFile.writeJSON(summary, to: output) }
            try show(summary)
        }
    }

    private func search() throws -> SearchSummary {
        let space = try NamedSpace(space)
        let predictor = try LoadedPredictor(accuracyPredictor, for: space, seed: seed)
        let table = try LatencyTable.load(latencyTable)
        var settings = SearchSettings()
        settings.accuracyFloor = accuracyFloor ?? 0
        let clock = ContinuousClock()
        let (started, processorStarted) = (clock.now, PlanTimer.processorTime())
        let cost: AdditiveCost
        do { cost = try table.prepare(for: space.space, of: try SupernetOperators(space.architecture)) } catch {
            throw Refusal("\(latencyTable): \(error)")
        }
        guard cost.range.upperBound > 0 else { throw Refusal("\(latencyTable): every subnet takes 0 ms there") }
        let operators = try SupernetOperators(space.architecture)
        let flopsCost = try AdditiveCost.flops(space: space.space, operators: operators)
        let memoryCost = try MemoryCost(space: space.space, operators: operators)
        let search = ParetoSearch(
            try EvolutionSearch(
                accuracy: predictor.predictor, latency: cost, flops: flopsCost, memory: memoryCost, settings: settings))
        var generator = SeededGenerator(seed: seed)
        let deadline = seconds.map { started + .seconds($0) }
        let constraints = (points.map { search.constraints(count: $0) } ?? latency).map {
            SearchConstraint(latencyMilliseconds: $0, flops: flops, memoryBytes: memory)
        }
        var candidates: [Int: [PredictedSubnet]] = [:]
        let outcome = try search.run(
            constraints, candidates: verify ? FleetLimits.candidatesPerPoint : 1, using: &generator,
            goesOn: { deadline.map { clock.now < $0 } ?? true }
        ) { place, _, found in candidates[place] = found }
        let elapsed = started.duration(to: clock.now)
        let processorTime = PlanTimer.processorTime() - processorStarted
        var points = try outcome.points.map {
            SearchedPoint(
                latencyMilliseconds: $0.latencyMilliseconds, configuration: $0.configuration,
                predictedAccuracy: $0.predictedAccuracy,
                predictedLatencyMilliseconds: $0.predictedLatencyMilliseconds, relaxedTo: $0.relaxedTo,
                flops: try flopsCost.cost(of: $0.configuration),
                memoryBytes: try memoryCost.cost(of: $0.configuration))
        }
        if verify { try measure(&points, candidates, flopsCost, memoryCost) }
        return SearchSummary(
            points: points, evaluated: outcome.evaluated, accuracyEvaluations: outcome.accuracyEvaluations,
            seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18,
            processorSeconds: Double(processorTime) / 1e9, seed: seed,
            space: space.space.name, boardClass: table.source.boardClass, processor: table.source.processor,
            predictor: predictor.method, predictorSpearman: predictor.heldOut?.spearman,
            predictorMeanAbsoluteError: predictor.heldOut?.meanAbsoluteError,
            hypervolume: ParetoFront.hypervolume(
                costs: outcome.points.map(\.predictedLatencyMilliseconds),
                values: outcome.points.map(\.predictedAccuracy), referenceCost: cost.range.upperBound,
                referenceValue: try predictor.predictor.predict(space.space.smallest)),
            accuraciesPerSecond: rate ? Self.rate(of: predictor.predictor) : nil)
    }

    /// Verifies the points from the tightest constraint up.
    private func measure(
        _ points: inout [SearchedPoint], _ candidates: [Int: [PredictedSubnet]], _ flops: AdditiveCost,
        _ memory: MemoryCost
    ) throws {
        var verification = try LocalVerification(space)
        for place in points.indices.sorted(by: {
            points[$0].latencyMilliseconds < points[$1].latencyMilliseconds
        }) {
            try verification.verify(&points[place], candidates[place] ?? [])
            points[place].flops = try flops.cost(of: points[place].configuration)
            points[place].memoryBytes = try memory.cost(of: points[place].configuration)
        }
    }

    /// Of the best of several passes over the same random subnets.
    private static func rate(of predictor: AccuracyPredictor) -> Double {
        let space = IndexedSearchSpace(predictor.space)
        var generator = SeededGenerator(seed: 1)
        let subnets = (0..<16_384).map { _ in
            var subnet = space.smallest
            space.sample(into: &subnet, using: &generator)
            return subnet
        }
        var evaluator = predictor.makeEvaluator()
        var accuracies: [Double] = []
        let best = (0..<10).map { _ in
            let start = PlanTimer.processorTime()
            evaluator.accuracies(of: subnets, into: &accuracies)
            return Double(PlanTimer.processorTime() - start)
        }.min()
        return Double(subnets.count) * 1e9 / (best ?? .infinity)
    }

    private func show(_ summary: SearchSummary) throws {
        guard format.format == .table else { return try Terminal.json(summary) }
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
            if let reason = point.reason { Terminal.print("\(point.latencyMilliseconds.text(3)) ms: \(reason)") }
        }
        let quality = summary.predictorSpearman.map { ", Spearman \($0.text(3)) on unseen subnets" } ?? ""
        Terminal.print(
            "\(summary.evaluated) subnets in \(summary.seconds.text(2)) s; predictor: \(summary.predictor)\(quality)")
        if let rate = summary.accuraciesPerSecond { Terminal.print("\(rate.text(0)) accuracies predicted a second") }
    }
}
