import AdminAPI
import FleetModel

/// One model's windows added up for a listing.
struct ModelSummary {
    private let windows: [ModelTelemetry]
    private let last: ModelTelemetry?

    /// - Parameters:
    ///   - windows: oldest first, or sums of some.
    ///   - last: the newest window, where these are sums.
    init(_ windows: [ModelTelemetry], last: ModelTelemetry? = nil) {
        (self.windows, self.last) = (windows, last ?? windows.last)
    }

    func view(board state: BoardState, model: DeployedModel) -> ModelView {
        let (frames, dropped) = (sum(\.frames), sum(\.dropped))
        let point = last.map { Int($0.activePoint) }
        return ModelView(
            board: state.board.id.rawValue, model: model.name.rawValue, activePoint: point,
            pointCount: model.points.count,
            subnet: point.flatMap { $0 < model.points.count ? "\(model.points[$0].configuration)" : nil },
            constraintMilliseconds: last?.constraintMilliseconds, p50Milliseconds: last?.p50Milliseconds,
            p99Milliseconds: last?.p99Milliseconds,
            sloAttainment: windows.sloAttainment, accuracy: windows.accuracy, switches: sum(\.switches),
            frames: frames, dropped: dropped, hooks: hooks)
    }

    /// As they are now, with the decisions of all windows.
    private var hooks: HookTelemetry? {
        guard var last = last?.hooks else { return nil }
        let all = windows.compactMap(\.hooks).flatMap(\.kinds)
        for index in last.kinds.indices {
            let same = all.filter { $0.name == last.kinds[index].name }
            last.kinds[index].taken = same.reduce(0) { $0 &+ $1.taken }
            last.kinds[index].possible = same.reduce(0) { $0 &+ $1.possible }
        }
        return last
    }

    private func sum(_ path: KeyPath<ModelTelemetry, UInt32>) -> Int {
        windows.reduce(0) { $0 + Int($1[keyPath: path]) }
    }
}
