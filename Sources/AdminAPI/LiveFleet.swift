public import FleetModel
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What the page shows, at one moment.
public struct FleetSnapshot: Codable, Equatable, Sendable {
    public var atMilliseconds: UInt64
    public var status: StatusView
    /// Of boards of one class, only the first few come with their models' operating points.
    public var boards: [BoardView]
    public var models: [ModelView]
    /// The newest, newest first.
    public var events: [FleetEvent]

    public init(
        atMilliseconds: UInt64, status: StatusView, boards: [BoardView], models: [ModelView], events: [FleetEvent]
    ) {
        self.atMilliseconds = atMilliseconds
        self.status = status
        self.boards = boards
        self.models = models
        self.events = events
    }
}

/// Snapshots for everybody who watches: made once however many do, and only while somebody does. Whoever comes is told
/// all of the fleet, and from then on what has changed.
///
/// A snapshot of ten thousand boards takes a good part of a second of one processor. The pause after it is a multiple
/// of the time that it took, so that those who watch take no more than a fifth of a processor from the boards.
actor LiveFleet {
    static let interval: Duration = .seconds(1)
    static let eventLimit = 200
    /// Of the time that a snapshot took, the pause after it.
    private static let rest = 4
    /// On a machine that has no time for the coordinator a snapshot takes long though it costs little.
    private static let longestPause: Duration = .seconds(10)
    /// Changes that are kept for those who are a little late; whoever is later is told all again.
    private static let keptChanges = 8

    private struct Made {
        var number: UInt64
        var snapshot: FleetSnapshot
        /// Whole, once somebody wanted it so.
        var whole: [UInt8]?
        var nextAt: ContinuousClock.Instant
    }

    private let fleet: any FleetAdministration
    private var newest: Made?
    /// From the snapshot before to that of the number, oldest first.
    private var changes: [(number: UInt64, bytes: [UInt8])] = []
    private var making: Task<FleetSnapshot, any Error>?

    init(_ fleet: any FleetAdministration) { self.fleet = fleet }

    /// What somebody is told who was told of the snapshot with that number last.
    /// - Returns: server-sent events, which may be none, the number that they lead to, and when there may be more.
    func events(
        after number: UInt64?
    ) async throws -> (bytes: [UInt8], number: UInt64, nextAt: ContinuousClock.Instant) {
        var made = try await current()
        guard number != made.number else { return ([], made.number, made.nextAt) }
        let missed = changes.filter { $0.number > number ?? .max }
        if let number, missed.count == Int(made.number - number) {
            return (missed.flatMap(\.bytes), made.number, made.nextAt)
        }
        if made.whole == nil {
            made.whole = try Self.event("fleet", made.snapshot)
            if newest?.number == made.number { newest?.whole = made.whole }
        }
        return (made.whole ?? [], made.number, made.nextAt)
    }

    /// No older than its pause.
    private func current() async throws -> Made {
        if let newest, ContinuousClock.now < newest.nextAt { return newest }
        if let making {
            _ = try await making.value
            // Whoever began to make it has noted it, unless that is still on its way: then it is soon.
            if let newest { return newest }
        }
        let began = ContinuousClock.now
        let task = Task { [fleet] in try await fleet.snapshot(eventLimit: Self.eventLimit) }
        making = task
        defer { making = nil }
        let snapshot = try await task.value
        let number = (newest?.number ?? 0) + 1
        if let before = newest?.snapshot {
            changes.append((number, try Self.event("changes", FleetChanges(from: before, to: snapshot))))
            changes.removeFirst(max(0, changes.count - Self.keptChanges))
        }
        let took = began.duration(to: .now)
        let made = Made(
            number: number, snapshot: snapshot,
            nextAt: .now + min(max(Self.interval, took * Self.rest), Self.longestPause))
        newest = made
        return made
    }

    private static func event(_ name: String, _ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return Array("event: \(name)\ndata: ".utf8) + (try encoder.encode(value)) + Array("\n\n".utf8)
    }

    /// Events for as long as the client listens and may.
    nonisolated func response(while isAllowed: @escaping @Sendable () async -> Bool) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var number: UInt64?
                while !Task.isCancelled, await isAllowed() {
                    let told = try await self.events(after: number)
                    if !told.bytes.isEmpty { try await writer.write(ByteBuffer(bytes: told.bytes)) }
                    number = told.number
                    try await Task.sleep(until: told.nextAt, clock: .continuous)
                }
                try await writer.finish(nil)
            })
    }
}

extension FleetAdministration {
    /// Put together of what else is asked for; a fleet of thousands has its own way.
    public func snapshot(eventLimit: Int) async throws -> FleetSnapshot {
        FleetSnapshot(
            atMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000), status: try await status(),
            boards: try await boards(), models: try await models(),
            events: try await events(EventChoice(), limit: eventLimit))
    }
}
