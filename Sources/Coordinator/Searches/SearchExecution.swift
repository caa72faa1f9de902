import CoordinatorCore
import FleetModel
import Foundation
import LatencyPrediction
import SearchInputs
import SearchSpace
import SubnetSearch
import Synchronization

/// Runs one search on a thread of its own that yields to everything else on the machine.
final class SearchExecution: Sendable {
    let number: UInt64
    private let job: SearchJob
    private let report: @Sendable (SearchQueue.Report?) -> Void
    private let isStopped = Atomic<Bool>(false)
    private let counted = Mutex(SearchProgress(constraint: 0, generation: 0))

    /// - Parameter report: called on the search's thread; with `nil` when it has ended.
    init(_ record: SearchRecord, report: @escaping @Sendable (SearchQueue.Report?) -> Void) {
        number = record.number
        job = record.job
        self.report = report
    }

    func start() {
        let thread = Thread { [self] in
            LowPriority.takeOn()
            let result: SearchQueue.Report
            do { result = .finished(try run()) } catch {
                result = .failed(String("\(error)".prefix(FleetLimits.textBytes)))
            }
            // Stopped, it has ended in nothing.
            if !isStopped.load(ordering: .relaxed) { report(result) }
            report(nil)
        }
        thread.name = "search"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Ends before the next generation, without a report.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    var progress: SearchProgress { counted.withLock { $0 } }

    private struct Stopped: Error {}

    private func run() throws -> SearchOutcome {
        let inputs = try SearchInputFiles(job)
        let operators = try SupernetOperators(inputs.space.architecture)
        let space = inputs.space.space
        let latency = try inputs.table.prepare(
            for: space, of: operators,
            scales: OperatorScales(common: job.latencyScale ?? 1, groups: job.operatorScales ?? [:]))
        let flops = try AdditiveCost.flops(space: space, operators: operators)
        let memory = try MemoryCost(space: space, operators: operators)
        let predictor = try LoadedPredictor(job.accuracyPredictor, for: inputs.space, seed: job.seed)
        var settings = SearchSettings()
        settings.accuracyFloor = job.accuracyFloor ?? 0
        settings.generations = job.generations
        let search = ParetoSearch(
            try EvolutionSearch(
                accuracy: predictor.predictor, latency: latency, flops: flops, memory: memory, settings: settings))
        let constraints = job.constraints.map {
            SearchConstraint(
                latencyMilliseconds: $0.latencyMilliseconds, flops: $0.flops, memoryBytes: $0.memoryBytes)
        }
        var generator = SeededGenerator(seed: job.seed)
        var (points, unmet) = ([SearchPoint](), [SearchOutcome.Unmet]())
        let outcome = try search.run(
            constraints, candidates: FleetLimits.candidatesPerPoint, using: &generator,
            goesOn: { [self] in
                counted.withLock { $0.generation += 1 }
                return !isStopped.load(ordering: .relaxed)
            }
        ) { place, result, candidates in
            guard !isStopped.load(ordering: .relaxed) else { throw Stopped() }
            let point = SearchPoint(
                constraint: place, configuration: result.configuration,
                predictedAccuracy: SearchedPoint.fraction(result.predictedAccuracy),
                predictedLatencyMilliseconds: result.predictedLatencyMilliseconds,
                flops: try flops.cost(of: result.configuration), memoryBytes: try memory.cost(of: result.configuration),
                relaxedTo: result.relaxedTo, relaxedBecause: result.relaxedBecause, generations: result.generations,
                evaluated: result.evaluated,
                candidates: candidates.prefix(FleetLimits.candidatesPerPoint).map(\.configuration),
                alternatives: try candidates.map { .init($0, flops: try flops.cost(of: $0.configuration)) })
            points.append(point)
            counted.withLock { $0 = SearchProgress(constraint: $0.constraint + 1, generation: 0) }
            report(.found(point))
        } missed: { [self] place, refusal in
            guard !isStopped.load(ordering: .relaxed) else { throw Stopped() }
            unmet.append(.init(constraint: place, reason: refusal.description))
            counted.withLock { $0 = SearchProgress(constraint: $0.constraint + 1, generation: 0) }
        }
        points.sort { $0.constraint < $1.constraint }
        unmet.sort { $0.constraint < $1.constraint }
        return SearchOutcome(
            softwareVersion: ProductVersion.current, seed: job.seed, inputs: inputs.digests,
            engineVersion: inputs.table.source.engineVersion, predictor: predictor.method,
            predictorSpearman: predictor.heldOut?.spearman,
            points: points, unmet: unmet.isEmpty ? nil : unmet, evaluated: outcome.evaluated,
            accuracyEvaluations: outcome.accuracyEvaluations,
            supernetSHA256: inputs.space.weightsSHA256, verification: try verification(of: points, inputs))
    }

    /// Against the held-back table where the job names one; `nil` leaves it to boards.
    private func verification(
        of points: [SearchPoint], _ inputs: SearchInputFiles
    ) throws -> SearchVerification? {
        if let held = inputs.held, let path = job.verificationTable {
            let cost = try held.prepare(for: inputs.space.space, of: try SupernetOperators(inputs.space.architecture))
            return SearchVerifier.run(job, points, against: path, atMilliseconds: 0) { subnet in
                (try? cost.cost(of: subnet)).map { LatencyReading(batches: [$0]) }
            }
        }
        guard inputs.space.weightsSHA256 == nil else { return nil }
        return SearchVerification(
            against: SearchVerification.boards,
            refusal: "no board runs the space \(job.space), and the job names no verificationTable")
    }
}

/// How far a running search is.
struct SearchProgress: Equatable {
    /// Constraints that are done.
    var constraint: Int
    /// Generations bred for the next one.
    var generation: Int
}

/// The files that a job names, as they are when it runs.
struct SearchInputFiles {
    let space: NamedSpace
    let table: LatencyTable
    let held: LatencyTable?
    let digests: [SearchOutcome.Input]

    init(_ job: SearchJob) throws {
        table = try Self.table(of: job)
        space = try NamedSpace(job.space)
        held = try Self.heldTable(of: job)
        let files = [job.space, job.accuracyPredictor, job.latencyTable, job.verificationTable].compactMap(\.self)
            .filter { $0.hasPrefix("/") }
        digests = try files.map { .init(path: $0, sha256: try InputDigest.sha256(of: $0)) }
        func sum(of path: String?) -> String? { digests.first { $0.path == path }?.sha256 }
        guard held == nil || sum(of: job.verificationTable) != sum(of: job.latencyTable) else {
            throw SearchTableRefusal(
                description: "search \(job.name): the verificationTable holds what the latencyTable does; what is "
                    + "predicted by a table is not verified by it")
        }
    }

    static func table(of job: SearchJob) throws -> LatencyTable { try table(at: job.latencyTable, of: job) }

    /// What points are verified against; `nil` where the job names none.
    static func heldTable(of job: SearchJob) throws -> LatencyTable? {
        try job.verificationTable.map { try table(at: $0, of: job) }
    }

    /// Reads a latency table; refuses one of another board class or processor than the job's, or than it names.
    private static func table(at path: String, of job: SearchJob) throws -> LatencyTable {
        // Of a table that does not say what was measured, the job does.
        let table = try LatencyTable.load(
            path, undescribedAs: .init(boardClass: job.boardClass, processor: job.processor))
        let isProcessor = table.source.processor == job.processor || !table.source.isProcessorKnown
        let classes = [job.boardClass, job.tableBoardClass]
        guard classes.contains(table.source.boardClass), isProcessor else {
            throw SearchTableRefusal(
                description: "\(path) was measured on \(table.source), search \(job.name) is for "
                    + "\(job.boardClass)/\(job.processor): give the job the board class and processor of its table, or "
                    + "correct what the table says (boardClass, processor; of a folder in its source.json)")
        }
        return table
    }
}

struct SearchTableRefusal: Error, CustomStringConvertible {
    let description: String
}

/// Of the calling thread.
enum LowPriority {
    /// A tenth of the share of others: a class that runs only while all else is idle would not end on a busy machine.
    private static let niceness: Int32 = 10

    static func takeOn() { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
}
