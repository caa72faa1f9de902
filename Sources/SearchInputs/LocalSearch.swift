import Foundation
import LatencyPrediction
import SearchSpace
import SubnetSearch
import Supernets

/// A search on this machine, as `shoal search` runs it: files in, a summary out.
package struct LocalSearch {
    package struct Request {
        /// `ofa-mbv3`, or the path of a supernet package.
        package var space: String
        package var accuracyPredictor: String
        package var latencyTable: String
        /// What the table is said to have been measured on, where it does not say itself.
        package var processor: String?
        /// Milliseconds; or so many between the fastest and the slowest subnet.
        package var latencies: [Double] = []
        package var points: Int?
        package var flops: Double?
        package var memoryBytes: Double?
        package var accuracyFloor = 0.0
        package var seed: UInt64 = 1
        package var seconds: Double?
        /// Measure the points on this machine; of each constraint so many subnets may be.
        package var verifies = false
        package var candidates = 1
        /// A file of subnets for which the predictors are asked too.
        package var subnets: String?
        /// Also measure how many accuracies are predicted in a second.
        package var measuresRate = false

        package init(space: String, accuracyPredictor: String, latencyTable: String) {
            self.space = space
            self.accuracyPredictor = accuracyPredictor
            self.latencyTable = latencyTable
        }
    }

    private struct Found {
        let outcome: ParetoSearch.Outcome
        let candidates: [Int: [PredictedSubnet]]
        let cost: AdditiveCost
        let seconds: Double
        let processorSeconds: Double
    }

    private let request: Request
    private let space: NamedSpace
    private let predictor: LoadedPredictor
    private let table: LatencyTable
    private let operators: SupernetOperators
    private let flops: AdditiveCost
    private let memory: MemoryCost

    package init(_ request: Request) throws {
        self.request = request
        space = try NamedSpace(request.space)
        predictor = try LoadedPredictor(request.accuracyPredictor, for: space, seed: request.seed)
        table = try LatencyTable.load(request.latencyTable, processor: request.processor)
        operators = try SupernetOperators(space.architecture)
        flops = try AdditiveCost.flops(space: space.space, operators: operators)
        memory = try MemoryCost(space: space.space, operators: operators)
    }

    package func run() throws -> SearchSummary {
        var verification = try request.verifies ? LocalVerification(request.space, for: table.source) : nil
        let given = try subnets()
        var found = try search(OperatorScales(common: 1))
        var points = try found.outcome.points.map(point)
        var scale: (factor: Double, measurements: Int)?
        if verification != nil {
            let (scales, measurements) =
                try verification?.scales(
                    of: table, space: space.space, operators: operators, points: points) ?? (nil, 0)
            if let scales {
                found = try search(scales)
                points = try found.outcome.points.map(point)
            }
            scale = (scales?.common ?? 1, measurements)
            try verification?.begin(predictedBy: found.cost)
            try verify(&points, found.candidates, &verification)
        }
        var summary = try summary(points, found)
        (summary.latencyScale, summary.scaleMeasurements) = (scale?.factor, scale?.measurements)
        summary.subnets = try given?.map { try point($0, found.cost) }
        summary.accuraciesPerSecond = request.measuresRate ? Self.rate(of: predictor.predictor) : nil
        return summary
    }

    /// By the table's latencies times these scales.
    private func search(_ scales: OperatorScales) throws -> Found {
        let (clock, processorStarted) = (ContinuousClock(), PlanTimer.processorTime())
        let started = clock.now
        var settings = SearchSettings()
        settings.accuracyFloor = request.accuracyFloor
        let cost: AdditiveCost
        do { cost = try table.prepare(for: space.space, of: operators, scales: scales) } catch {
            throw SearchInputRefusal("\(request.latencyTable): \(error)")
        }
        guard cost.range.upperBound > 0 else {
            throw SearchInputRefusal("\(request.latencyTable): every subnet takes 0 ms there")
        }
        let search = ParetoSearch(
            try EvolutionSearch(
                accuracy: predictor.predictor, latency: cost, flops: flops, memory: memory, settings: settings))
        var generator = SeededGenerator(seed: request.seed)
        let deadline = request.seconds.map { clock.now + .seconds($0) }
        let constraints = (request.points.map { search.constraints(count: $0) } ?? request.latencies).map {
            SearchConstraint(latencyMilliseconds: $0, flops: request.flops, memoryBytes: request.memoryBytes)
        }
        var candidates: [Int: [PredictedSubnet]] = [:]
        let outcome = try search.run(
            constraints, candidates: request.candidates, using: &generator,
            goesOn: { deadline.map { clock.now < $0 } ?? true }
        ) { place, _, found in candidates[place] = found }
        return Found(
            outcome: outcome, candidates: candidates, cost: cost,
            seconds: started.duration(to: clock.now) / .seconds(1),
            processorSeconds: Double(PlanTimer.processorTime() - processorStarted) / 1e9)
    }

    /// From the tightest constraint up.
    private func verify(
        _ points: inout [SearchedPoint], _ candidates: [Int: [PredictedSubnet]],
        _ verification: inout LocalVerification?
    ) throws {
        for place in points.indices.sorted(by: { points[$0].latencyMilliseconds < points[$1].latencyMilliseconds }) {
            try verification?.verify(&points[place], candidates[place] ?? [])
            points[place].flops = try flops.cost(of: points[place].configuration)
            points[place].memoryBytes = try memory.cost(of: points[place].configuration)
        }
    }

    private func point(_ result: SearchResult) throws -> SearchedPoint {
        SearchedPoint(
            latencyMilliseconds: result.latencyMilliseconds, configuration: result.configuration,
            predictedAccuracy: result.predictedAccuracy,
            predictedLatencyMilliseconds: result.predictedLatencyMilliseconds, relaxedTo: result.relaxedTo,
            relaxedBecause: result.relaxedBecause, flops: try flops.cost(of: result.configuration),
            memoryBytes: try memory.cost(of: result.configuration))
    }

    /// A given subnet; what it is predicted to take stands as its constraint.
    private func point(_ subnet: SubnetConfiguration, _ cost: AdditiveCost) throws -> SearchedPoint {
        let milliseconds = try cost.cost(of: subnet)
        return SearchedPoint(
            latencyMilliseconds: milliseconds, configuration: subnet,
            predictedAccuracy: try predictor.predictor.predict(subnet), predictedLatencyMilliseconds: milliseconds,
            relaxedTo: nil, flops: try flops.cost(of: subnet), memoryBytes: try memory.cost(of: subnet))
    }

    private func subnets() throws -> [SubnetConfiguration]? {
        guard let path = request.subnets else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SearchInputRefusal("\(path): cannot be read")
        }
        guard let subnets = try? JSONDecoder().decode([SubnetConfiguration].self, from: data) else {
            throw SearchInputRefusal("\(path): is not a list of subnet configurations")
        }
        for (index, subnet) in subnets.enumerated() {
            do { try space.space.validate(subnet) } catch {
                throw SearchInputRefusal("\(path): number \(index + 1): \(error)")
            }
        }
        return subnets.map(space.space.canonical)
    }

    private func summary(_ points: [SearchedPoint], _ found: Found) throws -> SearchSummary {
        let results = found.outcome.points
        return SearchSummary(
            points: points, evaluated: found.outcome.evaluated,
            accuracyEvaluations: found.outcome.accuracyEvaluations, seconds: found.seconds,
            processorSeconds: found.processorSeconds,
            seed: request.seed, space: space.space.name, boardClass: table.source.boardClass,
            processor: table.source.processor, predictor: predictor.method,
            predictorSpearman: predictor.heldOut?.spearman,
            predictorMeanAbsoluteError: predictor.heldOut?.meanAbsoluteError,
            hypervolume: ParetoFront.hypervolume(
                costs: results.map(\.predictedLatencyMilliseconds), values: results.map(\.predictedAccuracy),
                referenceCost: found.cost.range.upperBound,
                referenceValue: try predictor.predictor.predict(space.space.smallest)), accuraciesPerSecond: nil)
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
}
