import CoordinatorCore
import FleetModel
import FleetStore
import Logging
import WireProtocol

/// Telemetry that waits to become durable: one transaction, and one wait for the disk, serves all boards that report
/// within a few milliseconds.
///
/// Measured with `Cluster/load`; the figures are in docs/limits.md.
struct GatheredTelemetry {
    /// More do not wait.
    static let most = 256

    typealias Batch = (board: BoardID, records: [TelemetryRecord], came: ContinuousClock.Instant)

    private(set) var batches: [Batch] = []

    var isEmpty: Bool { batches.isEmpty }
    var isFull: Bool { batches.count >= Self.most }

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
        let isFirst = gathered.isEmpty
        gathered.add(records, of: board, at: .now)
        if gatheringTime == .zero || gathered.isFull { return await storeGathered() }
        guard isFirst else { return }
        Task { [gatheringTime] in
            try? await Task.sleep(for: gatheringTime)
            await self.inTurn { await self.storeGathered() }
        }
    }

    /// What could not be stored is not acknowledged; the board sends it again.
    func storeGathered() async {
        let batches = gathered.taken()
        guard !batches.isEmpty else { return }
        do {
            try await store(batches)
        } catch FleetStoreFailure.unknownBoard, FleetStoreFailure.outOfRange where batches.count > 1 {
            // What one board sends must not keep the others' from the store.
            for batch in batches { do { try await store([batch]) } catch { notStored(error) } }
        } catch {
            notStored(error)
        }
    }

    private func notStored(_ error: any Error) {
        logger.error("not stored", metadata: ["what": "telemetry", "error": "\(error)"])
    }

    private func store(_ batches: [GatheredTelemetry.Batch]) async throws {
        let durable = try await store.appendTelemetry(
            batches.map { ($0.board, $0.records) }, receivedAtMilliseconds: Self.wallClock())
        for batch in batches {
            guard let state = machine.state(of: batch.board) else { continue }
            metrics.stored(batch.records, from: state.board, in: batch.came.duration(to: .now))
            observer?(state.board, batch.records)
            rolloutsHeard(batch.records, from: state.board)
            note(batch.records, of: batch.board)
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
