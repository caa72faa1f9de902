import FleetModel
import SearchSpace

/// What stands in for figures that a board cannot have measured, so that it is served all the same.
///
/// A latency is taken from boards of its class that know the subnet, else from what the board said before, else from
/// its own possible points by their operations; where nothing is known it is the longest there is, so that the board
/// runs its least bad point. An accuracy is likewise the class's or the one before, or 0. Of what the board says of
/// itself, cores and frame rates are those of before, else the class's, else 1; power is as before, or no limit; and
/// of what points take and models cost each other only what can be is kept.
enum FigureRepair {
    /// - Parameter others: asked for where something is impossible: boards of the class whose figures are believed.
    /// - Returns: the board, and what was impossible.
    static func repaired(
        _ board: BoardDescription, before: BoardDescription?, others: () -> [BoardDescription]
    ) -> (board: BoardDescription, impossible: [String]) {
        var impossible: [String] = []
        var believed: [BoardDescription]?
        func peers() -> [BoardDescription] {
            let found = believed ?? others()
            believed = found
            return found
        }
        var result = board
        repairBoard(&result, before, peers, &impossible)
        for (place, model) in board.models.enumerated() {
            if !model.framesPerSecond.isFrameRate {
                impossible.append("\(model.name): \(model.framesPerSecond) frames per second")
                func rates(_ boards: [BoardDescription]) -> [Double] {
                    boards.flatMap(\.models).filter { $0.name == model.name }.map(\.framesPerSecond)
                        .filter(\.isFrameRate)
                }
                result.models[place].framesPerSecond =
                    rates(before.map { [$0] } ?? []).first ?? RankStatistics.median(rates(peers())) ?? 1
            }
            for (index, point) in model.points.enumerated() {
                if let demand = point.demand {
                    result.models[place].points[index].demand = repaired(demand, of: model.name, &impossible)
                }
                let (isLatency, isAccuracy) = (point.latencyMilliseconds.isLatency, (0...1).contains(point.accuracy))
                guard !isLatency || !isAccuracy else { continue }
                let known = Self.points(like: point, of: model, on: peers())
                let past = Self.points(like: point, of: model, on: before.map { [$0] } ?? [])
                if !isLatency {
                    impossible.append("\(model.name): \(point.latencyMilliseconds) ms")
                    result.models[place].points[index].latencyMilliseconds =
                        RankStatistics.median(known.map(\.latencyMilliseconds)) ?? past.first?.latencyMilliseconds
                        ?? byOperations(point, of: model) ?? BoardDescription.latencyLimitMilliseconds
                }
                if !isAccuracy {
                    impossible.append("\(model.name): an accuracy of \(point.accuracy)")
                    result.models[place].points[index].accuracy =
                        RankStatistics.median(known.map(\.accuracy)) ?? past.first?.accuracy ?? 0
                }
            }
        }
        return (result, impossible)
    }

    private static func repairBoard(
        _ board: inout BoardDescription, _ before: BoardDescription?, _ peers: () -> [BoardDescription],
        _ impossible: inout [String]
    ) {
        let cores = 0.0...BoardDescription.coreLimit
        if !cores.contains(board.cores) || board.cores == 0 {
            impossible.append("\(board.cores) cores")
            board.cores = before?.cores ?? RankStatistics.median(peers().map(\.cores)) ?? 1
        }
        if let watts = board.watts, !(0...BoardDescription.wattLimit).contains(watts) {
            impossible.append("\(watts) W")
            board.watts = before?.watts
        }
        for (model, row) in board.interference?.factors ?? [:] {
            for (neighbour, factor) in row where !Interference.possibleRange.contains(factor) {
                impossible.append("\(model) takes \(factor) times as long beside \(neighbour)")
                board.interference?.factors[model]?[neighbour] = nil
            }
        }
    }

    private static func repaired(
        _ demand: PointDemand, of model: ModelName, _ impossible: inout [String]
    ) -> PointDemand {
        var demand = demand
        if let time = demand.cpuMilliseconds, !(0...PointDemand.cpuLimitMilliseconds).contains(time) {
            impossible.append("\(model): \(time) ms of processor time")
            demand.cpuMilliseconds = nil
        }
        if !(0...PointDemand.energyLimitMillijoules).contains(demand.energyMillijoules) {
            impossible.append("\(model): \(demand.energyMillijoules) mJ")
            demand.energyMillijoules = 0
        }
        func isOdd(_ one: LatencyConstraint) -> Bool {
            !(0...BoardDescription.latencyLimitMilliseconds).contains(one.milliseconds)
                || !(0...100).contains(one.percentile)
        }
        if let first = demand.percentiles.first(where: isOdd) {
            impossible.append("\(model): \(first.milliseconds) ms at percentile \(first.percentile)")
            demand.percentiles.removeAll(where: isOdd)
        }
        // Nobody can tell which of them is wrong.
        if let fault = demand.fallingPercentiles {
            impossible.append("\(model): \(fault)")
            demand.percentiles = []
        }
        return demand
    }

    private static func points(
        like point: OperatingPoint, of model: DeployedModel, on boards: [BoardDescription]
    ) -> [OperatingPoint] {
        boards.flatMap(\.models).filter {
            $0.name == model.name && $0.supernetSHA256 == model.supernetSHA256
        }.compactMap { $0.points.first { $0.configuration == point.configuration } }
            .filter { $0.latencyMilliseconds.isLatency && (0...1).contains($0.accuracy) }
    }

    private static func byOperations(_ point: OperatingPoint, of model: DeployedModel) -> Double? {
        let rates = model.points.filter { $0.latencyMilliseconds.isLatency && $0.flops > 0 }
            .map { $0.latencyMilliseconds / Double($0.flops) }
        guard point.flops > 0, let rate = RankStatistics.median(rates) else { return nil }
        return min(rate * Double(point.flops), BoardDescription.latencyLimitMilliseconds)
    }
}

extension Double {
    fileprivate var isFrameRate: Bool { self > 0 && self <= BoardDescription.frameRateLimit }
}
