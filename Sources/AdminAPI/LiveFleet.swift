public import FleetModel
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What the page shows, at one moment.
public struct FleetSnapshot: Codable, Equatable, Sendable {
    public var atMilliseconds: UInt64
    public var status: StatusView
    public var boards: [BoardView]
    public var models: [ModelView]
    /// The newest.
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

/// Snapshots for everybody who watches: made once however many do, and only while somebody does.
actor LiveFleet {
    static let interval: Duration = .seconds(1)
    static let eventLimit = 200

    private let fleet: any FleetAdministration
    private var newest: (bytes: [UInt8], made: ContinuousClock.Instant)?
    private var making: Task<[UInt8], any Error>?

    init(_ fleet: any FleetAdministration) { self.fleet = fleet }

    /// A server-sent event with a snapshot no older than the interval.
    func event() async throws -> [UInt8] {
        if let newest, ContinuousClock.now - newest.made < Self.interval { return newest.bytes }
        if let making { return try await making.value }
        let task = Task { [fleet] in try await Self.event(of: fleet) }
        making = task
        defer { making = nil }
        let bytes = try await task.value
        newest = (bytes, .now)
        return bytes
    }

    private static func event(of fleet: any FleetAdministration) async throws -> [UInt8] {
        let snapshot = FleetSnapshot(
            atMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000), status: try await fleet.status(),
            boards: try await fleet.boards(), models: try await fleet.models(),
            events: try await fleet.events(limit: eventLimit))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array("event: fleet\ndata: ".utf8) + (try encoder.encode(snapshot)) + Array("\n\n".utf8)
    }

    /// Events for as long as the client listens and may.
    nonisolated func response(while isAllowed: @escaping @Sendable () async -> Bool) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                while !Task.isCancelled, await isAllowed() {
                    try await writer.write(ByteBuffer(bytes: try await self.event()))
                    try await Task.sleep(for: Self.interval)
                }
                try await writer.finish(nil)
            })
    }
}
