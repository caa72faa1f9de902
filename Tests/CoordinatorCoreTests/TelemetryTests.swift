import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

@Suite struct TelemetryTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    private let start = ContinuousClock.now
    private let id = Samples.board().id
    private var machine: Machine

    init() {
        machine = Machine(
            settings: .init(), boards: [EnrolledBoard(board: Samples.board(), publicKey: "k")], policies: [], at: start)
        _ = machine.messageReceived(
            .hello(Samples.board(), incarnation: 3, reportedGeneration: 0), from: id, at: start)
    }

    private mutating func receive(_ records: [TelemetryRecord]) -> [Machine.Action] {
        machine.messageReceived(.telemetry(records), from: id, at: start)
    }

    private static func record(
        _ sequence: UInt64 = 1, _ edit: (inout TelemetryRecord) -> Void = { _ in }
    ) -> TelemetryRecord {
        var record = Samples.record(sequence, incarnation: 3)
        edit(&record)
        return record
    }

    @Test mutating func soundRecordsArePersistedAndAcknowledgedOnlyThen() {
        let records = [Self.record(1), Self.record(2)]
        #expect(receive(records) == [.persistTelemetry(records, id)])
        #expect(
            machine.telemetryPersisted(id, incarnation: 3, through: 2)
                == [.send(.telemetryAcknowledged(incarnation: 3, sequence: 2), id)])
        #expect(machine.telemetryPersisted(id, incarnation: 3, through: 0) == [])
    }

    /// An event for the first loss of a kind, and then for each doubling; one for each trouble.
    @Test mutating func whatABoardCouldNotKeepIsAnEvent() {
        for (sequence, full, damaged, trouble, events) in [
            (1, 0, 0, "", []), (2, 3, 0, "", [(.telemetryLost, "records lost on the board so far: 3 full")]),
            (3, 4, 0, "", []), (4, 7, 0, "", [(.telemetryLost, "records lost on the board so far: 7 full")]),
            (5, 7, 1, "", [(.telemetryLost, "records lost on the board so far: 7 full, 1 damaged")]),
            (6, 7, 1, "disk full", [(.spoolTroubled, "disk full")]), (7, 7, 1, "disk full", []), (8, 7, 1, "", []),
        ] as [(UInt64, UInt64, UInt64, String, [(FleetEvent.Kind, String)])] {
            let record = Self.record(sequence) {
                $0.board.spool = SpoolTelemetry(lost: [.full: full, .damaged: damaged], trouble: trouble)
            }
            #expect(
                receive([record])
                    == events.map { .record($0.0, id, $0.1) } + [.persistTelemetry([record], id)], "\(sequence)")
        }
    }

    /// One event when hooks are refused first, another only after they had worked again.
    @Test mutating func hooksThatCannotBeUsedAreAnEvent() {
        func record(_ sequence: UInt64, _ state: HookTelemetry.State) -> TelemetryRecord {
            Self.record(sequence) {
                $0.models[0].hooks = HookTelemetry(state: state, reason: state == .refused ? "h: is torn" : "")
            }
        }
        let event = Machine.Action.record(
            .hooksRefused, id, "classifier: the plain network answers: h: is torn")
        for (sequence, state, isEvent) in [
            (UInt64(1), HookTelemetry.State.deciding, false), (2, .refused, true), (3, .refused, false),
            (4, .learning, false), (5, .refused, true),
        ] {
            let record = record(sequence, state)
            #expect(receive([record]) == (isEvent ? [event] : []) + [.persistTelemetry([record], id)], "\(sequence)")
        }
    }

    @Test mutating func recordsOfEarlierIncarnationsAreWelcome() {
        let record = Self.record(9) { $0.incarnation = 1 }
        #expect(receive([record]) == [.persistTelemetry([record], id)])
    }

    static let impossible: [@Sendable (inout TelemetryRecord) -> Void] = [
        { $0.models[0].correct = $0.models[0].labelled + 1 },
        { $0.models[0].labelled = $0.models[0].frames + 1 },
        { $0.models[0].violations = $0.models[0].frames + 1 },
        { $0.models[0].activePoint = 4 },
        { $0.models[0].p50Milliseconds = .nan },
        { $0.models[0].p99Milliseconds = .infinity },
        { $0.models[0].p90Milliseconds = -1 },
        {
            ($0.models[0].p50Milliseconds, $0.models[0].p90Milliseconds) = (16_001, 16_001)
            $0.models[0].p99Milliseconds = 16_001
        },
        { $0.models[0].p50Milliseconds = 0.003 },
        { $0.models[0].p50Milliseconds = $0.models[0].p99Milliseconds + 1 },
        { $0.models[0].constraintMilliseconds = .nan },
        { $0.models[0] = Samples.record(1, model: "undeployed").models[0] },
    ]

    /// Latencies that no clock gives: nothing is learned from such a board. One window of a thousand times the board's
    /// own table may be of a pause, other figures of a table that it had before.
    private static let quarantining = 4...6

    /// The record stays, so that its sequence leaves no hole that would hold up every later acknowledgement.
    @Test(arguments: impossible.indices)
    mutating func impossibleFiguresAreStruckOutCountedAndRecorded(row: Int) throws {
        let actions = receive([Self.record(1, Self.impossible[row]), Self.record(2)])

        let empty = Self.record(1) { $0.models = [] }
        let reason = "telemetry with latencies that are no numbers"
        let quarantine: [Machine.Action] = [
            .saveQuarantine(QuarantinedBoard(reason: reason, sinceMilliseconds: 0), id),
            .record(.learningQuarantined, id, "nothing is learned from it: \(reason)"),
        ]
        #expect(
            actions == [.record(.telemetryRefused, id, "1 impossible records")]
                + (Self.quarantining.contains(row) ? quarantine : [])
                + [.persistTelemetry([empty, Self.record(2)], id)])
        #expect(machine.state(of: id)?.refusedRecords == 1)
    }

    @Test mutating func modelNamedTwiceCountsOnce() {
        let twice = Self.record { $0.models.append($0.models[0]) }
        #expect(receive([twice]).last == .persistTelemetry([Self.record()], id))
    }

    @Test mutating func recordSentAgainIsNotCountedAgain() {
        let broken = Self.record(1) { $0.models[0].activePoint = 9 }
        _ = receive([broken])
        #expect(receive([broken]).count == 1)
        #expect(machine.state(of: id)?.refusedRecords == 1)
    }

    static let misnamed: [@Sendable (inout TelemetryRecord) -> Void] = [
        { $0.incarnation = 4 }, { $0.incarnation = 0 }, { $0.sequence = 0 }, { $0.generation = 1 },
    ]

    @Test(arguments: misnamed.indices)
    mutating func recordUnderANameThatIsNotTheBoardsIsRefused(row: Int) {
        let actions = receive([Self.record(1, Self.misnamed[row])])
        #expect(actions == [.record(.telemetryRefused, id, "1 impossible records")])
        #expect(machine.state(of: id)?.refusedRecords == 1)
    }

    @Test mutating func recordsPerMessageAreLimited() {
        let records = (1...UInt64(FleetLimits.recordsPerMessage + 1)).map { Self.record($0) }
        #expect(receive(Array(records.dropLast())) == [.persistTelemetry(Array(records.dropLast()), id)])
        #expect(
            receive(records) == [
                .record(.telemetryRefused, id, "1 impossible records"),
                .persistTelemetry(Array(records.dropLast()), id),
            ])
    }
}
