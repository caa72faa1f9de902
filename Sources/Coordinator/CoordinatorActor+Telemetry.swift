import CoordinatorCore
import FleetModel
import FleetStore
import Logging
import WireProtocol

/// Telemetry and events that wait to become durable: one transaction of each, and one wait for the disk, serve all
/// boards that report within a few milliseconds.
///
/// Measured with `Cluster/load`; the figures are in docs/limits.md.
struct GatheredTelemetry {
    /// More do not wait.
    static let most = 256

    typealias Batch = (board: BoardID, records: [TelemetryRecord], came: ContinuousClock.Instant)

    private(set) var batches: [Batch] = []
    private(set) var events: [FleetEvent] = []

    /// Whether somebody will store what is here.
    var isAwaited = false
    var isFull: Bool { batches.count >= Self.most }
    var isFullOfEvents: Bool { events.count >= Self.most }

    mutating func add(_ event: FleetEvent) { events.append(event) }

    mutating func takenEvents() -> [FleetEvent] {
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }

    mutating func add(_ records: [TelemetryRecord], of board: BoardID, at now: ContinuousClock.Instant) {
        batches.append((board, records, now))
    }

    mutating func taken() -> [Batch] {
        defer { batches.removeAll(keepingCapacity: true) }
        return batches
    }
}

extension CoordinatorActor {
    func gather(_ records: [TelemetryRecord], of board: BoardID) async {
        gathered.add(records, of: board, at: .now)
        if !awaitsCompany(gathered.isFull) { await storeGathered() }
    }

    /// An event may be told a few milliseconds after its effect; at most these are forgotten when the machine fails.
    /// Told by others than boards too, outside their turns: that stores nothing but events.
    func gather(_ event: FleetEvent) async {
        gathered.add(event)
        if !awaitsCompany(gathered.isFullOfEvents) { await storeEvents() }
    }

    /// Sees to it that what was gathered is stored soon.
    /// - Parameter isFull: enough has come together.
    /// - Returns: `false` where it is to be stored at once.
    func awaitsCompany(_ isFull: Bool) -> Bool {
        if gatheringTime == .zero || isFull { return false }
        guard !gathered.isAwaited else { return true }
        gathered.isAwaited = true
        Task { [gatheringTime] in
            try? await Task.sleep(for: gatheringTime)
            await self.inTurn {
                // What comes while this is stored waits for the next.
                self.gathered.isAwaited = false
                await self.storeGathered()
            }
        }
        return true
    }

    /// The coordinator ends as it should.
    func stopped() async { await inTurn { await self.storeGathered() } }

    /// What could not be stored is not acknowledged; the board sends it again.
    func storeGathered() async {
        await storeArrivals()
        await storeEvents()
        let batches = gathered.taken()
        guard !batches.isEmpty else { return }
        do {
            try await store(batches)
        } catch FleetStoreFailure.unknownBoard where batches.count > 1 {
            await storeApart(batches)
        } catch FleetStoreFailure.outOfRange where batches.count > 1 {
            await storeApart(batches)
        } catch {
            notStored(error)
        }
    }

    /// What one board sends must not keep the others' from the store.
    private func storeApart(_ batches: [GatheredTelemetry.Batch]) async {
        for batch in batches { do { try await store([batch]) } catch { notStored(error) } }
    }

    private func storeEvents() async {
        let events = gathered.takenEvents()
        if !events.isEmpty { await storing("event") { try await self.store.appendEvents(events) } }
    }

    private func notStored(_ error: any Error) {
        logger.error("not stored", metadata: ["what": "telemetry", "error": "\(error)"])
    }

    private func store(_ batches: [GatheredTelemetry.Batch]) async throws {
        let durable = try await store.appendTelemetry(
            batches.map { ($0.board, $0.records) }, receivedAtMilliseconds: Self.wallClock())
        let quarantined = machine.quarantined
        for batch in batches {
            guard let state = machine.state(of: batch.board) else { continue }
            metrics.stored(batch.records, from: state.board, in: batch.came.duration(to: .now))
            if quarantined[batch.board] == nil { observer?(state.board, batch.records) }
            rolloutsHeard(batch.records, from: state.board)
            sharing.telemetryHeard(batch.records, from: batch.board)
            note(batch.records, of: batch.board)
            noteRecent(batch.records, of: state.board)
        }
        for entry in durable {
            await perform(
                machine.telemetryPersisted(entry.board, incarnation: entry.incarnation, through: entry.contiguous))
        }
    }

    /// Of records that come late, as after an outage, the newest counts.
    private func note(_ records: [TelemetryRecord], of board: BoardID) {
        guard let newest = records.max(by: { $0.position < $1.position }) else { return }
        if let known = newestOfBoards[board], known.position > newest.position { return }
        newestOfBoards[board] = (newest.position, newest.board)
    }

    var sharesOfBoards: [ShareTelemetry.Means: Int] {
        newestOfBoards.values.reduce(into: [:]) { counts, newest in
            if let means = newest.board.shares?.means { counts[means, default: 0] += 1 }
        }
    }
}
