import AgentCore
import FleetModel
import Foundation
import Logging
import SpoolStore

/// A board's telemetry from its measurement to its acknowledgement: what `TelemetrySpool` decides, done to a file.
///
/// A record is on the disk before it is sent. While the disk takes none, the newest stay in memory, are sent all the
/// same, and are written as soon as it takes them again. A file that turns out to be damaged is replaced. Inference
/// never waits for any of this.
struct SpoolDesk {
    typealias Spool = TelemetrySpool<ContinuousClock.Instant>

    private let path: String
    private let logger: Logger
    private var spool: Spool
    /// `nil` while there can be no file.
    private var store: SpoolStore?
    private var losses: SpoolLosses
    /// Not on the disk.
    private var unsaved: [TelemetryPosition: SpooledRecord] = [:]
    /// On the disk and to be removed with the next commit; until then a restart would only send them again.
    private var gone: [TelemetryPosition] = []
    /// Of the file when it was opened, and since.
    private var (troubleAtStart, trouble) = ("", "")

    /// What the file of an earlier start holds: opened before the number of this start is known.
    struct Opened {
        var store: SpoolStore?
        var content = SpoolStore.Content()

        init(path: String) {
            do throws(SpoolFailure) {
                let (store, content) = try SpoolStore.open(at: path)
                (self.store, self.content) = (store, content)
            } catch { content.trouble = "\(error)" }
        }

        /// The highest incarnation that a record is kept of; 0 when there is none.
        var incarnation: UInt64 { content.records.last?.position.incarnation ?? 0 }
    }

    init(_ opened: Opened, at path: String, settings: Spool.Settings, incarnation: UInt64, logger: Logger) {
        self.path = path
        self.logger = logger
        store = opened.store
        losses = opened.content.losses
        let stored = opened.content.records.map { Spool.Entry(position: $0.position, bytes: $0.bytes) }
        spool = Spool(settings: settings, incarnation: incarnation, stored: stored)
        troubleAtStart = String(
            decoding: opened.content.trouble.utf8.prefix(SpoolTelemetry.troubleBytes), as: UTF8.self)
        if !troubleAtStart.isEmpty { logger.error("state", metadata: ["trouble": "\(troubleAtStart)"]) }
        drop(spool.trimmed())
        if spool.count > 0 { logger.info("spool", metadata: ["records": "\(spool.count)", "bytes": "\(spool.bytes)"]) }
    }

    // MARK: Records

    /// What waits, and what was lost.
    var telemetry: SpoolTelemetry {
        SpoolTelemetry(
            records: UInt64(spool.count), bytes: UInt64(spool.bytes), lost: losses.total,
            trouble: trouble.isEmpty ? troubleAtStart : trouble)
    }

    /// Names the record and keeps it.
    mutating func recorded(_ record: TelemetryRecord) {
        let position = spool.nextPosition
        var named = record
        (named.incarnation, named.sequence) = (position.incarnation, position.sequence)
        named.board.droppedRecords = losses[position.incarnation]
        named.board.spool = telemetry
        do {
            let spooled = try SpooledRecord(named)
            unsaved[position] = spooled
            drop(spool.recorded(bytes: spooled.payload.count))
        } catch {
            logger.error("telemetry that no message can carry", metadata: ["error": "\(error)"])
            return
        }
        commit()
    }

    private mutating func drop(_ positions: [TelemetryPosition]) {
        losses.count(.full, positions)
        remove(positions)
    }

    private mutating func remove(_ positions: [TelemetryPosition]) {
        for position in positions where unsaved.removeValue(forKey: position) == nil { gone.append(position) }
    }

    private mutating func commit() {
        do throws(SpoolFailure) {
            if store == nil { try reopen() }
            try store?.commit(adding: unsaved.values.map { $0 }, removing: gone, losses: losses)
            (unsaved, gone) = ([:], [])
            if !trouble.isEmpty { logger.info("the spool is written again") }
            trouble = ""
        } catch {
            failed(error)
        }
    }

    /// After the disk took nothing, or the file was damaged: what the file still has of the records that wait.
    private mutating func reopen() throws(SpoolFailure) {
        let (store, content) = try SpoolStore.open(at: path)
        self.store = store
        let waiting = Set(spool.positions)
        let found = Set(content.records.map(\.position))
        gone = found.subtracting(waiting).sorted()
        lose(waiting.subtracting(found).subtracting(unsaved.keys), .damaged)
    }

    private mutating func failed(_ failure: SpoolFailure) {
        if trouble.isEmpty { logger.error("spool", metadata: ["trouble": "\(failure)"]) }
        trouble = String(decoding: "\(failure)".utf8.prefix(SpoolTelemetry.troubleBytes), as: UTF8.self)
        if case .damaged = failure {
            store?.close()
            store = nil
        }
        let excess = unsaved.count - FleetLimits.unsavedRecords
        if excess > 0 { lose(Set(unsaved.keys.sorted().prefix(excess)), .unwritable) }
    }

    private mutating func lose(_ positions: Set<TelemetryPosition>, _ reason: SpoolTelemetry.Loss) {
        guard !positions.isEmpty else { return }
        losses.count(reason, positions)
        spool.lost(positions)
        for position in positions { unsaved[position] = nil }
    }

    // MARK: The session

    mutating func connectionReset() { spool.connectionReset() }

    mutating func acknowledged(incarnation: UInt64, sequence: UInt64) {
        remove(spool.acknowledged(incarnation: incarnation, sequence: sequence, at: .now))
    }

    /// What to send now, in messages.
    mutating func batchesDue() -> [[TelemetryRecord]] {
        spool.batchesDue(at: .now).map { records(at: $0) }.filter { !$0.isEmpty }
    }

    private mutating func records(at positions: [TelemetryPosition]) -> [TelemetryRecord] {
        var spooled: [TelemetryPosition: SpooledRecord] = [:]
        for position in positions { spooled[position] = unsaved[position] }
        let onDisk = positions.filter { spooled[$0] == nil }
        if !onDisk.isEmpty {
            guard let store else { return [] }
            do throws(SpoolFailure) {
                for record in try store.records(at: onDisk) { spooled[record.position] = record }
            } catch {
                // Nothing is lost yet: they are asked for again.
                failed(error)
                return []
            }
            lose(Set(onDisk.filter { spooled[$0] == nil }), .damaged)
        }
        return positions.compactMap { position in
            guard var record = spooled[position]?.record else { return nil }
            // The coordinator waits for what it is not told is lost.
            record.board.droppedRecords = losses[position.incarnation]
            return record
        }
    }
}
