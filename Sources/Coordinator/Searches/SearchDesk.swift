import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Foundation
import Logging
import SearchSpace
import WireProtocol

/// The coordinator's searches: takes wishes and reports one after another, each to the end of its effects, and lets the
/// queue decide. A wish that cannot be made durable is refused; a report that cannot is kept in memory, and a restart
/// searches again from the seed.
actor SearchDesk {
    private var queue: SearchQueue
    private let store: any FleetStore
    private let logger: Logger
    private let note: @Sendable (String) async -> Void
    private var execution: SearchExecution?
    private var drift = LatencyDrift()
    private var verification = VerificationStateMachine<ContinuousClock.Instant>()
    private var transfer: TransferDesk
    private let fleet: MeasuringFleet
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - fleet: whose boards measure what searches find.
    ///   - note: keeps a sentence as an event of the fleet.
    init(
        store: any FleetStore, logger: Logger, fleet: MeasuringFleet = .empty,
        transfer: TransferDesk.Machine.Settings = .init(),
        note: @escaping @Sendable (String) async -> Void
    ) async throws {
        self.store = store
        self.fleet = fleet
        self.logger = logger
        self.note = note
        queue = SearchQueue(records: try await store.searches())
        self.transfer = TransferDesk(settings: transfer, measured: try await store.measurements())
    }

    /// Goes on with what was queued or running when the coordinator ended.
    func start() async {
        await inTurn { await performAll(queue.started(atMilliseconds: CoordinatorActor.wallClock())) }
    }

    /// Ends the running search, which begins anew at the next start.
    func stop() { execution?.stop() }

    var records: [SearchRecord] { queue.records }

    func progress(of record: SearchRecord) -> SearchProgress? {
        execution?.number == record.number && record.state == .running ? execution?.progress : nil
    }

    /// - Throws: `SearchQueue.Refusal`, or what the store throws; then nothing has changed.
    func submit(_ job: SearchJob, text: String, by actor: String) async throws -> SearchRecord? {
        let after = "queued: \(job.model) on \(job.boardClass), \(job.constraints.count) constraints, seed \(job.seed)"
        try await changing(job.name, .searchSubmitted, after + ", text \(InputText.sha256(text))", by: actor) {
            queue throws(SearchQueue.Refusal) in
            try queue.submitted(job, text: text, atMilliseconds: CoordinatorActor.wallClock())
        }
        return queue.records.first { $0.name == job.name }
    }

    func cancel(_ name: String, by actor: String) async throws -> SearchRecord? {
        try await changing(name, .searchCancelled, "cancelled", by: actor) { queue throws(SearchQueue.Refusal) in
            try queue.cancelled(name, atMilliseconds: CoordinatorActor.wallClock())
        }
        return queue.records.first { $0.name == name }
    }

    /// What boards have measured, after it was stored; of those that are learned from.
    func observed(_ records: [TelemetryRecord], from board: BoardDescription) async {
        for search in queue.records {
            for window in search.windows(of: records, from: board) {
                let found = drift.observed(
                    window.measured, predicted: window.predicted, of: window.subnet, on: board.id,
                    search: search.name)
                guard let found else { continue }
                await inTurn {
                    let now = CoordinatorActor.wallClock()
                    if let correction = SearchCorrection.fit(found.subnets, to: search) {
                        await performAll(queue.corrected(search.name, by: correction, atMilliseconds: now))
                    } else {
                        await performAll(queue.drifted(search.name, by: found.ratio, atMilliseconds: now))
                    }
                }
                // The other windows were compared with the table as it was.
                break
            }
        }
    }

    // MARK: Verification

    /// A board said what it measured.
    func measured(_ report: MeasureReport, by board: BoardDescription) async {
        let boards = await fleet.boards()
        await inTurn {
            await performAll(
                verification.reportReceived(
                    report, from: board, boards, at: .now, milliseconds: CoordinatorActor.wallClock()))
            await performAll(transfer.reportReceived(report, from: board, at: .now))
        }
    }

    func timerFired() async {
        guard !verification.isIdle else { return await transferTimerFired() }
        let boards = await fleet.boards()
        await inTurn {
            transfer.interrupted(at: .now)
            await performAll(
                verification.timerFired(boards, at: .now, milliseconds: CoordinatorActor.wallClock()))
        }
    }

    // MARK: Classes without a predictor of their own

    private func transferTimerFired() async {
        guard transfer.isDue(at: .now) else { return }
        let (boards, quarantined) = (await fleet.boards(), await fleet.quarantined())
        await inTurn {
            guard verification.isIdle else { return }
            await performAll(transfer.timerFired(boards, quarantined, searches: queue.records, at: .now))
        }
    }

    private func performAll(_ actions: [TransferDesk.Machine.Action]) async {
        for action in actions {
            switch action {
            case .send(let order, let board): await fleet.send(.measureOrder(order), board)
            case .keep(let measurement): await keep(measurement)
            case .record(let sentence, let board): await fleet.note(.latencyMeasured, board, sentence)
            }
        }
    }

    private func keep(_ measurement: MeasuredSubnet) async {
        let quarantined = await fleet.quarantined()
        let boards = await fleet.boards().filter { !quarantined.contains($0.id) }
        if let reason = ClassMeasurements.doubt(measurement, among: boards) {
            await fleet.doubt(measurement.board, reason)
        }
        do {
            try await store.saveMeasurement(measurement)
            transfer.stored(measurement)
        } catch {
            logger.error("measurement not stored", metadata: ["error": "\(error)"])
        }
    }

    /// Of a class whose boards are there, with predictions of these subnets.
    func transfer(
        ofClass name: String, supernet: String, predicting subnets: [SubnetConfiguration], _ boards: [BoardDescription],
        without quarantined: Set<BoardID>
    ) -> ClassTransfer? {
        transfer.transfer(ofClass: name, supernet, predicting: subnets, boards, quarantined)
    }

    /// What is known of each class's latency, and what of it is lent by others.
    func transfers(of boards: [BoardDescription], without quarantined: Set<BoardID>) -> [ClassTransfer] {
        transfer.transfers(of: boards, quarantined, searches: queue.records)
    }

    private func performAll(_ actions: [VerificationStateMachine<ContinuousClock.Instant>.Action]) async {
        for action in actions {
            switch action {
            case .send(let order, let board): await fleet.send(.measureOrder(order), board)
            case .keep(let measurement):
                await keep(transfer.expected(measurement, await fleet.boards(), await fleet.quarantined()))
            case .report(let verification, let number):
                await performAll(
                    queue.reported(
                        .measured(verification), of: number, atMilliseconds: CoordinatorActor.wallClock()))
            }
        }
    }

    /// The entry of the audit log goes with the record of that name.
    private func changing(
        _ name: String, _ action: AuditAction, _ after: String, by actor: String,
        _ change: @Sendable (inout SearchQueue) throws(SearchQueue.Refusal) -> [SearchQueue.Action]
    ) async throws {
        try await inTurn {
            let before = queue
            let known = queue.records.first { $0.name == name }?.state.rawValue
            let actions = try change(&queue)
            var audit: AuditDraft? = AuditDraft(
                actor: actor, action: action, target: "search \(name)", before: known, after: after,
                atMilliseconds: CoordinatorActor.wallClock())
            do {
                for action in actions {
                    if case .save(let record) = action, record.name == name, let draft = audit {
                        try await store.saveSearch(record, audit: draft)
                        audit = nil
                    } else {
                        try await perform(action)
                    }
                }
            } catch {
                queue = before
                throw error
            }
        }
    }

    private func reported(_ report: SearchQueue.Report, of number: UInt64) async {
        await inTurn {
            await performAll(
                queue.reported(report, of: number, atMilliseconds: CoordinatorActor.wallClock()))
        }
    }

    private func performAll(_ actions: [SearchQueue.Action]) async {
        for action in actions {
            do { try await perform(action) } catch {
                logger.error("search not stored", metadata: ["error": "\(error)"])
            }
        }
    }

    private func perform(_ action: SearchQueue.Action) async throws {
        switch action {
        case .save(let record): try await store.saveSearch(record)
        case .forget(let name): try await store.removeSearch(name)
        case .run(let record):
            drift.forget(search: record.name)
            run(record)
        case .stop(let number): if execution?.number == number { execution?.stop() }
        case .verify(let record): verification.begun(record)
        case .stopVerifying(let number): verification.cancelled(number)
        case .record(let sentence): await note(sentence)
        }
    }

    private func run(_ record: SearchRecord) {
        let (reports, sender) = AsyncStream.makeStream(of: SearchQueue.Report.self)
        let number = record.number
        let execution = SearchExecution(record) { report in
            if let report { sender.yield(report) } else { sender.finish() }
        }
        self.execution = execution
        // In the order in which the search's thread sent them.
        Task { for await report in reports { await self.reported(report, of: number) } }
        execution.start()
    }

    /// One event at a time: an actor alone would let another in at every `await`.
    private func inTurn<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
        if isBusy { await withCheckedContinuation { waiting.append($0) } } else { isBusy = true }
        defer { if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() } }
        return try await body()
    }
}
