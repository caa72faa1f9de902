import CZeroMQ
import FleetModel
import Foundation
import SearchSpace
import WireProtocol

/// Frames that no agent sends: over the connection of an enrolled board, whose key a thief may have, and by strangers.
struct HostileFrames {
    enum Kind: String, CaseIterable {
        case random, truncated, flipped, oversized, replayed, parts, unexpected, version
    }

    /// What becomes of them by the rules of the protocol.
    struct Expected {
        var dropped: [String: Int] = [:]
        /// Frames that are whole though a bit of them was turned; they may be taken, or be of another connection.
        var whole = 0
        var total: Int { whole + dropped.values.reduce(0, +) }
    }

    /// Where a header names the connection.
    private static let sessionBytes = 2..<10

    private let codec = MessageCodec()
    private let messages: [Message]
    private let session: UInt64
    private var sequence: UInt64 = 0
    private var generator: SeededGenerator
    private(set) var expected = Expected()

    init(_ board: BoardDescription, seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        session = generator.next()
        let record = LoadFigures.record(.init(incarnation: 1, sequence: 1), of: board)
        messages = [
            .hello(board, incarnation: 1, reportedGeneration: 0), .heartbeat, .telemetry([record]),
            .assignmentReported(generation: 3), .goodbye,
        ]
    }

    /// A frame that is as it should be: what is replayed later.
    mutating func whole() throws -> [[UInt8]] { try frame(.heartbeat) }

    private mutating func frame(_ message: Message) throws -> [[UInt8]] {
        sequence += 1
        let frame = try codec.encode(message, header: FrameHeader(session: session, sequence: sequence))
        return [frame.header, frame.payload]
    }

    /// The next frame, in parts.
    mutating func next(replaying old: [[UInt8]]) throws -> [[UInt8]] {
        let kind = Kind.allCases[Int.random(in: 0..<Kind.allCases.count, using: &generator)]
        let parts = try made(kind, replaying: old)
        expect(kind, parts)
        return parts
    }

    private mutating func made(_ kind: Kind, replaying old: [[UInt8]]) throws -> [[UInt8]] {
        var parts = try frame(messages[Int.random(in: 0..<messages.count, using: &generator)])
        switch kind {
        case .random: return [bytes(0...64), bytes(0...600)]
        case .truncated:
            let part = parts[1].isEmpty ? 0 : Int.random(in: 0...1, using: &generator)
            parts[part].removeLast(Int.random(in: 1...parts[part].count, using: &generator))
        case .flipped:
            let part = parts[1].isEmpty ? 0 : Int.random(in: 0...1, using: &generator)
            var place = Int.random(in: 0..<parts[part].count, using: &generator)
            // Another session would be a new connection of the board, to which nothing that follows belongs.
            if part == 0, Self.sessionBytes.contains(place) { place += Self.sessionBytes.count }
            parts[part][place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case .oversized:
            let over = Int.random(in: 1...1_000, using: &generator)
            parts[1] = [UInt8](repeating: 7, count: FleetLimits.payloadBytes + over)
        case .replayed: return old
        case .parts: parts = Bool.random(using: &generator) ? [parts[0]] : parts + [bytes(0...16)]
        case .unexpected: return try frame(.welcome(heartbeatMilliseconds: 1_000, liveness: 3))
        case .version: parts[0][0] = UInt8.random(in: 200...255, using: &generator)
        }
        return parts
    }

    private mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: count, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private mutating func expect(_ kind: Kind, _ parts: [[UInt8]]) {
        guard kind != .replayed else { return expected.dropped[DropReason.replayed.rawValue, default: 0] += 1 }
        guard parts.count == 2 else { return expected.dropped[DropReason.malformed.rawValue, default: 0] += 1 }
        do {
            let message = try codec.decode(header: parts[0], payload: parts[1]).1
            if message.code.isSaid(by: .board) { return expected.whole += 1 }
            expected.dropped[DropReason.unexpected.rawValue, default: 0] += 1
        } catch {
            expected.dropped[error.dropReason.rawValue, default: 0] += 1
        }
    }
}
