import CoordinatorCore
import FleetModel
import LatencyPrediction
import SearchInputs
import SearchSpace

/// Fits a search's latency table to what boards measure now, group of operators by group.
enum SearchCorrection {
    /// - Returns: `nil` where one factor for all operators predicts as well, or the table cannot be read.
    static func fit(_ subnets: [SubnetConfiguration: Double], to search: SearchRecord) -> SearchQueue.Correction? {
        guard let table = try? SearchInputFiles.table(of: search.job), let named = try? NamedSpace(search.job.space),
            let operators = try? SupernetOperators(named.architecture)
        else { return nil }
        let measured = subnets.sorted { "\($0.key)" < "\($1.key)" }.map { (subnet: $0.key, milliseconds: $0.value) }
        guard let scales = OperatorScales(fitting: measured, to: table, of: operators), !scales.groups.isEmpty,
            let cost = try? table.prepare(for: named.space, of: operators, scales: scales)
        else { return nil }
        var latencies: [Int: Double] = [:]
        for point in search.points { latencies[point.constraint] = try? cost.cost(of: point.configuration) }
        return .init(scale: scales.common, groups: scales.groups, latencies: latencies)
    }
}
