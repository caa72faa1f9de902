import AdminAPI
import FleetModel

/// One model's windows added up for a listing.
struct ModelSummary {
    private let windows: [ModelTelemetry]
    private let last: ModelTelemetry?
    private let attainment: Attainment

    /// - Parameters:
    ///   - windows: oldest first.
    ///   - points: the board's table for the model.
    init(_ windows: [ModelTelemetry], points: [OperatingPoint]) {
        var sum = Attainment()
        for window in windows { sum.add(Attainment(window, pointAccuracy: window.pointAccuracy(in: points))) }
        self.init(sums: windows, last: windows.last, attainment: sum)
    }

    /// - Parameters:
    ///   - sums: of windows, oldest first.
    ///   - last: the newest window.
    init(sums: [ModelTelemetry], last: ModelTelemetry?, attainment: Attainment) {
        (windows, self.last, self.attainment) = (sums, last, attainment)
    }

    func view(board state: BoardState, model: DeployedModel) -> ModelView {
        let (frames, dropped) = (sum(\.frames), sum(\.dropped))
        let point = last.map { Int($0.activePoint) }
        let constraint = last.map(\.constraintMilliseconds).flatMap { $0 > 0 ? $0 : nil }
        return ModelView(
            board: state.board.id.rawValue, model: model.name.rawValue, activePoint: point,
            pointCount: model.points.count,
            subnet: point.flatMap { $0 < model.points.count ? "\(model.points[$0].configuration)" : nil },
            constraintMilliseconds: constraint, p50Milliseconds: last?.p50Milliseconds,
            p99Milliseconds: last?.p99Milliseconds,
            sloAttainment: attainment.sloAttainment, accuracy: attainment.accuracy(by: .labels),
            switches: sum(\.switches), frames: frames, dropped: dropped, hooks: hooks,
            expectedAccuracy: attainment.accuracy(by: .points), accuracySource: attainment.source,
            attainedAccuracy: attainment.source.flatMap { attainment.attainedAccuracy(by: $0) })
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
