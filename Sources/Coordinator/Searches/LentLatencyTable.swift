import CoordinatorCore
import FleetModel
import LatencyPrediction
import SearchInputs
import SearchSpace

/// A search on a class of boards that has no latency table: it reads the table of another class, each group of
/// operators scaled so that the table's sums are what the class's transferred predictor says of subnets drawn from the
/// space.
enum LentLatencyTable {
    /// Subnets that the table is fitted to.
    private static let subnets = 96

    /// - Parameter transfer: of the job's class with that supernet, predicting those subnets; `nil` without one.
    /// - Returns: the job as it is where its table is of its own class.
    /// - Throws: `SearchTableRefusal`, `SearchInputRefusal`, or what the files throw.
    static func scaled(
        _ job: SearchJob, transfer: (_ supernetSHA256: String, _ subnets: [SubnetConfiguration]) async -> ClassTransfer?
    ) async throws -> SearchJob {
        let table = try LatencyTable.load(
            job.latencyTable, undescribedAs: .init(boardClass: job.boardClass, processor: job.processor))
        let lender = table.source.boardClass
        guard lender != job.boardClass, table.source.processor == job.processor else { return job }
        func refused(_ reason: String) -> SearchTableRefusal {
            SearchTableRefusal(
                description: "\(job.latencyTable) was measured on \(table.source), search \(job.name) is for "
                    + "\(job.boardClass)/\(job.processor): \(reason)")
        }
        let named = try NamedSpace(job.space)
        guard let sha256 = named.weightsSHA256 else { throw refused("no board runs the space \(job.space)") }
        var generator = SeededGenerator(seed: job.seed)
        let drawn = (0..<subnets).map { _ in named.space.sample(using: &generator) }
        guard let transfer = await transfer(sha256, drawn) else {
            throw refused("that class has measured nothing on request")
        }
        let settings = ClassTransfer.Settings()
        guard transfer.measured >= settings.first else {
            throw refused("that class has measured \(transfer.measured) of \(settings.first) subnets so far")
        }
        let samples = drawn.compactMap { subnet in
            transfer.expectation(of: subnet).map { (subnet: subnet, milliseconds: $0.milliseconds) }
        }
        let operators = try SupernetOperators(named.architecture)
        guard let scales = OperatorScales(fitting: samples, to: table, of: operators) else {
            throw refused("its rows do not fit what that class measured")
        }
        var scaled = job
        scaled.tableBoardClass = lender
        scaled.latencyScale = scales.common
        scaled.operatorScales = scales.groups.isEmpty ? nil : scales.groups
        return scaled
    }
}
