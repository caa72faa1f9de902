import CoordinatorCore
import FleetModel
import SearchSpace
import WireProtocol

/// What boards measured on request, and what classes without a predictor of their own are asked for: part of the desk
/// of searches, which performs what is decided here.
struct TransferDesk {
    typealias Instant = ContinuousClock.Instant
    typealias Machine = TransferStateMachine<Instant>

    private var machine: Machine
    private let settings: ClassTransfer.Settings
    /// As the store has it, the oldest first.
    private(set) var measured: [MeasuredSubnet]
    private var looked: Instant?
    /// Rises with every measurement.
    private var revision = 0
    /// What people were told last: fits take a tenth of a second each, and pages ask again and again.
    private var told: (basis: Basis, transfers: [ClassTransfer])?

    private struct Basis: Equatable {
        var revision: Int
        var boards: [BoardDescription]
        var quarantined: Set<BoardID>
        var owned: Set<ClassMeasurements.Key>
    }

    init(settings: Machine.Settings, measured: [MeasuredSubnet]) {
        machine = Machine(settings: settings)
        self.settings = settings.transfer
        self.measured = measured
    }

    /// Looking at ten thousand boards takes milliseconds: seldom where nobody is asked.
    func isDue(at now: Instant) -> Bool {
        looked.map { $0.duration(to: now) >= (machine.isAsking ? .milliseconds(500) : .seconds(2)) } ?? true
    }

    mutating func interrupted(at now: Instant) { machine.interrupted(at: now) }

    mutating func timerFired(
        _ boards: [BoardDescription], _ quarantined: Set<BoardID>, searches: [SearchRecord], at now: Instant
    ) -> [Machine.Action] {
        looked = now
        let fleet = Machine.Fleet(
            boards: boards, measured: measured, quarantined: quarantined,
            owned: Self.owned(boards, searches))
        return machine.timerFired(fleet, at: now, milliseconds: CoordinatorActor.wallClock())
    }

    mutating func reportReceived(
        _ report: MeasureReport, from board: BoardDescription, at now: Instant
    ) -> [Machine.Action] {
        machine.reportReceived(report, from: board, at: now, milliseconds: CoordinatorActor.wallClock())
    }

    /// The measurement is on the disk; as there, it replaces that of the same board, supernet and subnet.
    mutating func stored(_ measurement: MeasuredSubnet) {
        let name = "\(measurement.configuration)"
        measured.removeAll {
            $0.board == measurement.board && $0.supernetSHA256 == measurement.supernetSHA256
                && "\($0.configuration)" == name
        }
        measured.append(measurement)
        revision += 1
        measured.removeFirst(max(0, measured.count - FleetLimits.measuredSubnets))
    }

    /// What a search had measured, with what the class's transferred predictor says of it, so that its margin is
    /// checked.
    func expected(
        _ measurement: MeasuredSubnet, _ boards: [BoardDescription], _ quarantined: Set<BoardID>
    ) -> MeasuredSubnet {
        let all = ClassMeasurements.all(boards: boards, measured: measured, without: quarantined)
        guard
            let own = all.first(where: {
                $0.key
                    == .init(
                        boardClass: measurement.boardClass, supernetSHA256: measurement.supernetSHA256,
                        engineVersion: measurement.engineVersion)
            }), (settings.first..<settings.enough).contains(own.requestedCount)
        else { return measurement }
        var result = measurement
        let subnet = measurement.configuration
        result.expected = ClassTransfer(of: own, among: all, predicting: [subnet], settings: settings)
            .expectation(of: subnet)
        return result
    }

    /// Of every class whose boards are there, in the order of the classes, as long as it predicts by what others lend.
    mutating func transfers(
        of boards: [BoardDescription], _ quarantined: Set<BoardID>, searches: [SearchRecord]
    ) -> [ClassTransfer] {
        let owned = Self.owned(boards, searches)
        let basis = Basis(revision: revision, boards: boards, quarantined: quarantined, owned: owned)
        if let told, told.basis == basis { return told.transfers }
        let all = ClassMeasurements.all(boards: boards, measured: measured, without: quarantined)
        let present = Set(boards.flatMap(\.measurementKeys))
        let transfers = all.filter { one in
            present.contains(one.key) && !owned.contains(one.key) && one.requestedCount > 0
                && one.requestedCount < settings.enough
        }.map { ClassTransfer(of: $0, among: all, settings: settings) }
        told = (basis, transfers)
        return transfers
    }

    /// With the engine of the most measurements.
    func transfer(
        ofClass name: String, _ supernet: String, predicting subnets: [SubnetConfiguration],
        _ boards: [BoardDescription], _ quarantined: Set<BoardID>
    ) -> ClassTransfer? {
        let all = ClassMeasurements.all(boards: boards, measured: measured, without: quarantined)
        let present = Set(boards.flatMap(\.measurementKeys))
        let own = all.filter {
            $0.key.boardClass == name && $0.key.supernetSHA256 == supernet && present.contains($0.key)
        }.max { $0.requestedCount < $1.requestedCount }
        return own.map { ClassTransfer(of: $0, among: all, predicting: subnets, settings: settings) }
    }

    /// Classes for which a search read a latency table that their own boards measured with the engine they run.
    private static func owned(
        _ boards: [BoardDescription], _ searches: [SearchRecord]
    ) -> Set<ClassMeasurements.Key> {
        let tables = searches.compactMap { search in
            search.state.hasResult && search.job.tableBoardClass == nil
                ? search.outcome.flatMap { outcome in
                    outcome.supernetSHA256.map { (search.job.boardClass, $0, outcome.engineVersion) }
                } : nil
        }
        guard !tables.isEmpty else { return [] }
        return Set(boards.flatMap(\.measurementKeys)).filter { key in
            tables.contains { boardClass, sha256, engine in
                boardClass == key.boardClass && sha256 == key.supernetSHA256
                    && engine ?? key.engineVersion == key.engineVersion
            }
        }
    }
}

extension BoardDescription {
    /// One for each supernet that it runs.
    var measurementKeys: [ClassMeasurements.Key] {
        models.compactMap(\.supernetSHA256).map {
            .init(boardClass: boardClass, supernetSHA256: $0, engineVersion: engineVersion)
        }
    }
}
