import FleetModel
import AdminAPI

/// A fleet that answers from memory.
actor InMemoryFleet: FleetAdministration {
    private(set) var applied: [ApplyRequest] = []

    func status() -> StatusView {
        StatusView(
            version: "test", startedAtMilliseconds: 1, fleetEndpoint: "tcp://127.0.0.1:1",
            enrolmentEndpoint: "tcp://127.0.0.1:2", boardsEnrolled: 1, boardsConnected: 0, telemetryRecords: 0,
            droppedFrames: ["malformed": 3])
    }

    func boards() -> [BoardView] { [] }
    func models() -> [ModelView] { [] }
    func policies() -> [PolicyView] { [] }
    func assignments() -> [AssignmentView] { [] }

    func events(limit: Int) -> [FleetEvent] {
        (0..<min(limit, 3)).map {
            FleetEvent(kind: .boardEnrolled, board: BoardID("b\($0)"), message: "", atMilliseconds: 1)
        }
    }

    func revoke(board: String) throws -> BoardRevocation {
        guard board == "b0" else { throw AdminFailure(.notFound, board) }
        return BoardRevocation(board: board)
    }

    func telemetry(board: String, sinceMilliseconds: UInt64, limit: Int) throws -> [TelemetryWindowView] {
        throw AdminFailure(.notFound, "board \(board) since \(sinceMilliseconds) limit \(limit)")
    }

    func apply(_ request: ApplyRequest) throws -> ApplyResult {
        guard request.text != "bad" else { throw AdminFailure(.invalid, "\(request.file):1: not a policy") }
        applied.append(request)
        return ApplyResult(policy: "p", version: 1, dryRun: request.dryRun, boards: [], warnings: [])
    }

    func createToken(_ request: TokenRequest) throws -> TokenView { throw Unexpected() }

    func searches() -> [SearchView] { searchRecords.map { SearchView(search: $0, generation: nil) } }

    func submit(_ request: ApplyRequest) throws -> SearchView {
        let job: SearchJob
        do { job = try SearchFile.parse(request.text, file: request.file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        searchRecords.append(SearchRecord(job: job, text: request.text, number: 1, submittedAtMilliseconds: 5))
        return SearchView(search: searchRecords[0], generation: nil)
    }

    func cancel(search: String) throws -> SearchView {
        guard let record = searchRecords.first(where: { $0.name == search }) else {
            throw AdminFailure(.notFound, search)
        }
        return SearchView(search: record, generation: 3)
    }

    func predictors() -> [LatencyPredictorView] { [] }

    private var searchRecords: [SearchRecord] = []

    struct Unexpected: Error {}
}
