import FleetModel
import Foundation
import WireProtocol

/// What a front and the coordinator that leads say to each other, over a connection on which both have proved to hold
/// the coordinators' common key. Frames of boards travel as they came, and are decoded anew by whoever receives them.
///
/// A message is some parts, the first of them two bytes: version and code.
///
///     1 joined    description (JSON)             front to leader, again and again: also the sign of life
///     2 board     key · header · payload         front to leader
///     3 stranger  key · routing · header · payload
///     4 alive                                    leader to front: the answer to `joined`
///     5 keys      flags u8 · *( key · length u8 · board )     length 0: the key is off the list
///     6 toBoard   board · header · payload
///     7 toStranger routing · header · payload
enum RelayMessage: Equatable, Sendable {
    case joined(FrontDescription)
    case board(key: PublicKey, Frame)
    case stranger(key: PublicKey, routing: [UInt8], Frame)
    case alive
    case keys(KeyChanges)
    case toBoard(BoardID, Frame)
    case toStranger(routing: [UInt8], Frame)

    private static let version: UInt8 = 1
    private static let descriptionBytes = 4_096
    /// ZeroMQ's routing identities are 1 to 255 bytes.
    private static let routingBytes = 1...255
    /// Of keys and boards in one message.
    static let keysPerMessage = 512

    // MARK: Writing

    var parts: [[UInt8]] {
        switch self {
        case .joined(let description): [head(1), description.json]
        case .board(let key, let frame): [head(2), key.bytes, frame.header, frame.payload]
        case .stranger(let key, let routing, let frame):
            [head(3), key.bytes, routing, frame.header, frame.payload]
        case .alive: [head(4)]
        case .keys(let changes): [head(5), changes.bytes]
        case .toBoard(let board, let frame): [head(6), Array(board.rawValue.utf8), frame.header, frame.payload]
        case .toStranger(let routing, let frame): [head(7), routing, frame.header, frame.payload]
        }
    }

    /// What a board or a stranger said, or is told.
    var carriesFrame: Bool {
        switch self {
        case .board, .stranger, .toBoard, .toStranger: true
        case .joined, .alive, .keys: false
        }
    }

    private func head(_ code: UInt8) -> [UInt8] { [Self.version, code] }

    // MARK: Reading

    /// `nil` when the parts are no message.
    init?(_ parts: ArraySlice<[UInt8]>) {
        let parts = Array(parts)
        guard let head = parts.first, head.count == 2, head[0] == Self.version else { return nil }
        let rest = parts.dropFirst()
        let counts: [UInt8: Int] = [1: 1, 2: 3, 3: 4, 4: 0, 5: 1, 6: 3, 7: 3]
        guard counts[head[1]] == rest.count else { return nil }
        let frame = Frame(header: parts.dropLast().last ?? [], payload: parts.last ?? [])
        switch head[1] {
        case 1:
            guard parts[1].count <= Self.descriptionBytes, let told = FrontDescription(json: parts[1]) else {
                return nil
            }
            self = .joined(told)
        case 2:
            guard let key = PublicKey(bytes: parts[1]) else { return nil }
            self = .board(key: key, frame)
        case 3:
            guard let key = PublicKey(bytes: parts[1]), Self.routingBytes.contains(parts[2].count) else { return nil }
            self = .stranger(key: key, routing: parts[2], frame)
        case 4: self = .alive
        case 5:
            guard let changes = KeyChanges(parts[1]) else { return nil }
            self = .keys(changes)
        case 6:
            guard let board = BoardID(String(decoding: parts[1], as: UTF8.self)) else { return nil }
            self = .toBoard(board, frame)
        default:
            guard Self.routingBytes.contains(parts[1].count) else { return nil }
            self = .toStranger(routing: parts[1], frame)
        }
    }
}

/// A piece of the allow-list, or of what changed in it.
struct KeyChanges: Equatable, Sendable {
    struct Entry: Equatable, Sendable {
        var key: PublicKey
        /// `nil`: may speak no more.
        var board: BoardID?
    }

    /// What was known before is void.
    var startsAnew: Bool
    /// With it the list is as the leader's.
    var isComplete: Bool
    var entries: [Entry]

    /// - Returns: changes from one list to another in pieces, or the whole of it where there is none before.
    static func pieces(from before: [PublicKey: BoardID]?, to after: [PublicKey: BoardID]) -> [KeyChanges] {
        var entries = after.filter { before?[$0.key] != $0.value }.map { Entry(key: $0.key, board: $0.value) }
        for key in (before ?? [:]).keys where after[key] == nil { entries.append(Entry(key: key, board: nil)) }
        guard before == nil || !entries.isEmpty else { return [] }
        let starts = stride(from: 0, to: max(1, entries.count), by: RelayMessage.keysPerMessage)
        return starts.map { start in
            let end = min(start + RelayMessage.keysPerMessage, entries.count)
            return KeyChanges(
                startsAnew: before == nil && start == 0, isComplete: end == entries.count,
                entries: Array(entries[start..<end]))
        }
    }

    func apply(to list: inout [PublicKey: BoardID]) {
        if startsAnew { list = [:] }
        for entry in entries { list[entry.key] = entry.board }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [(startsAnew ? 1 : 0) | (isComplete ? 2 : 0)]
        for entry in entries {
            let name = Array((entry.board?.rawValue ?? "").utf8)
            bytes += entry.key.bytes + [UInt8(name.count)] + name
        }
        return bytes
    }

    init(startsAnew: Bool, isComplete: Bool, entries: [Entry]) {
        self.startsAnew = startsAnew
        self.isComplete = isComplete
        self.entries = entries
    }

    /// `nil` when the bytes are no such piece.
    init?(_ bytes: [UInt8]) {
        guard let flags = bytes.first, flags < 4 else { return nil }
        (startsAnew, isComplete, entries) = (flags & 1 != 0, flags & 2 != 0, [])
        var rest = bytes.dropFirst()
        while !rest.isEmpty {
            let keyBytes = Array(rest.prefix(PublicKey.byteCount))
            rest = rest.dropFirst(PublicKey.byteCount)
            guard let key = PublicKey(bytes: keyBytes), let count = rest.popFirst(), rest.count >= Int(count),
                entries.count < RelayMessage.keysPerMessage
            else { return nil }
            let name = String(decoding: rest.prefix(Int(count)), as: UTF8.self)
            rest = rest.dropFirst(Int(count))
            let board = BoardID(name)
            guard count == 0 || board != nil else { return nil }
            entries.append(Entry(key: key, board: board))
        }
    }
}

/// What a front says of itself.
public struct FrontDescription: Codable, Equatable, Sendable {
    /// Drawn at its start.
    public var instance: UInt64
    /// Where boards reach it.
    public var fleetEndpoint: String
    public var enrolmentEndpoint: String
    /// Of its own sockets, since its start.
    public var received: UInt64
    public var sent: UInt64
    /// By reason.
    public var dropped: [String: UInt64]

    public init(instance: UInt64, fleetEndpoint: String, enrolmentEndpoint: String) {
        self.instance = instance
        self.fleetEndpoint = fleetEndpoint
        self.enrolmentEndpoint = enrolmentEndpoint
        (received, sent, dropped) = (0, 0, [:])
    }

    fileprivate init?(json: [UInt8]) {
        guard let told = try? JSONDecoder().decode(Self.self, from: Data(json)) else { return nil }
        self = told
    }

    /// Numbers and text always have a form in JSON.
    fileprivate var json: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }
}

extension PublicKey {
    var bytes: [UInt8] { Self.bytes(ofZ85: z85) ?? [] }
}
