public import FleetModel

/// One model in one window: how many frames it kept in time and how many of those that it labelled it got right, or
/// what its operating point lets expect.
public struct AttainmentWindow: Codable, Equatable, Sendable {
    public var board: String
    public var model: String
    /// By the board's clock, since 1970.
    public var startMilliseconds: UInt64
    public var durationMilliseconds: UInt32
    /// Frames that came, computed or not.
    public var arrived: UInt64
    /// Of these, frames that were never computed; `nil` in what another version wrote.
    public var dropped: UInt64?
    /// Of the operating point; `nil` in what another version wrote.
    public var switches: UInt64?
    /// Of these, the share that kept the constraint, 0...1; `nil` where none came, and where there is no constraint.
    public var sloAttainment: Double?
    /// Top-1 of the labelled frames, 0...1; `nil` where none was labelled.
    public var accuracy: Double?
    /// Of the operating point that ran, as the board's table says now; `nil` where no frame was answered or no table
    /// tells.
    public var expectedAccuracy: Double?
    /// What `attainedAccuracy` is made of: labels where there are any, else points.
    public var accuracySource: Attainment.Source?
    /// SLO attainment times accuracy, measured or expected.
    public var attainedAccuracy: Double?
    public var activePoint: UInt32
    /// In force at the end of the window; 0 where there was none.
    public var constraintMilliseconds: Double
    public var p99Milliseconds: Double

    /// Of the windows, those of the model, or all; in the order of the windows.
    public static func series(_ windows: [TelemetryWindowView], model: String? = nil) -> [AttainmentWindow] {
        windows.flatMap { window in
            window.record.models.filter { model == nil || $0.model.rawValue == model }
                .map { AttainmentWindow(window, $0) }
        }
    }

    /// As `series`, of a model that somebody asks for by name.
    /// - Parameter board: as it describes itself; asked for where no window tells of the model.
    /// - Throws: `AdminFailure` where neither a window nor the board has the model.
    public static func series(
        _ windows: [TelemetryWindowView], named model: String, on board: () async throws -> BoardView?
    ) async throws -> [AttainmentWindow] {
        let found = series(windows, model: model)
        guard found.isEmpty, let board = try await board(), !board.models.contains(where: { $0.name == model }) else {
            return found
        }
        throw AdminFailure(.notFound, "board \(board.name) has no model named \(model.prefix(64))")
    }

    private init(_ window: TelemetryWindowView, _ measured: ModelTelemetry) {
        board = window.board
        model = measured.model.rawValue
        startMilliseconds = window.record.startMilliseconds
        durationMilliseconds = window.record.durationMilliseconds
        let sum = Attainment(measured, pointAccuracy: window.pointAccuracies?[model])
        arrived = sum.arrived
        dropped = UInt64(measured.dropped)
        switches = UInt64(measured.switches)
        sloAttainment = sum.sloAttainment
        accuracy = sum.accuracy(by: .labels)
        expectedAccuracy = sum.accuracy(by: .points)
        accuracySource = sum.source
        attainedAccuracy = sum.source.flatMap { sum.attainedAccuracy(by: $0) }
        activePoint = measured.activePoint
        constraintMilliseconds = measured.constraintMilliseconds
        p99Milliseconds = measured.p99Milliseconds
    }
}
