import FleetModel
import Testing
import WireProtocol

@testable import Messaging

/// Messages between coordinators, as bytes and back, and everything that is none.
@Suite struct RelayMessageTests {
    private let key: PublicKey
    private let board: BoardID
    private let frame: Frame

    init() throws {
        key = try CurveKeyPair.generate().publicKey
        board = try Samples.board("edge-1")
        frame = try MessageCodec().encode(.heartbeat, header: FrameHeader(session: 1, sequence: 2))
    }

    private var all: [RelayMessage] {
        var description = FrontDescription(instance: .max, fleetEndpoint: "tcp://a:1", enrolmentEndpoint: "tcp://a:2")
        (description.received, description.sent, description.dropped) = (1, 2, ["malformed": 3])
        let entries: [KeyChanges.Entry] = [.init(key: key, board: board), .init(key: key, board: nil)]
        return [
            .joined(description), .board(key: key, frame), .stranger(key: key, routing: [0, 1, 2, 3, 4], frame), .alive,
            .keys(KeyChanges(startsAnew: true, isComplete: false, entries: entries)),
            .keys(KeyChanges(startsAnew: false, isComplete: true, entries: [])), .toBoard(board, frame),
            .toStranger(routing: [9], frame),
        ]
    }

    @Test func everyMessageComesBack() {
        for message in all { #expect(RelayMessage(message.parts[...]) == message) }
    }

    @Test func partsThatAreMissingOrTooManyAreRefused() {
        for message in all {
            let parts = message.parts
            #expect(RelayMessage(parts.dropLast()) == nil)
            #expect(RelayMessage((parts + [[1]])[...]) == nil)
            #expect(RelayMessage(([[2, parts[0][1]]] + parts.dropFirst())[...]) == nil, "another version")
        }
        #expect(RelayMessage([]) == nil)
        #expect(RelayMessage([[]]) == nil)
        for code in [UInt8(0), 8, 255] { #expect(RelayMessage([[1, code], [], [], []]) == nil) }
    }

    @Test func keysAndNamesThatAreNoneAreRefused() {
        #expect(RelayMessage([[1, 2], [1, 2, 3], frame.header, frame.payload]) == nil)
        #expect(RelayMessage([[1, 3], key.bytes, [], frame.header, frame.payload]) == nil)
        #expect(
            RelayMessage([[1, 3], key.bytes, [UInt8](repeating: 1, count: 256), frame.header, frame.payload]) == nil)
        #expect(RelayMessage([[1, 6], Array("Not A Name".utf8), frame.header, frame.payload]) == nil)
        #expect(RelayMessage([[1, 1], Array("{}".utf8)]) == nil)
        #expect(RelayMessage([[1, 1], [UInt8](repeating: 32, count: 5_000)]) == nil)
    }

    /// Any bytes end in a message or in a refusal.
    @Test func noBytesDoHarm() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var refused = 0
        for _ in 0..<20_000 {
            var parts = all[random(all.count)].parts
            for _ in 0...random(3) {
                let place = random(parts.count)
                switch random(4) {
                case 0: parts[place] = (0..<random(80)).map { _ in UInt8(random(256)) }
                case 1: parts[place] = Array(parts[place].dropLast(random(40) + 1))
                case 2: parts[place] += [UInt8(random(256))]
                default: if !parts[place].isEmpty { parts[place][random(parts[place].count)] ^= 1 << random(8) }
                }
            }
            if let message = RelayMessage(parts[...]) {
                #expect(RelayMessage(message.parts[...]) == message, "seed \(seed)")
            } else {
                refused += 1
            }
        }
        #expect(refused > 1_000, "seed \(seed)")
    }

    // MARK: Keys

    private func keys(_ count: Int) throws -> [PublicKey: BoardID] {
        var keys: [PublicKey: BoardID] = [:]
        for number in 0..<count {
            let bytes = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 3))) }
            keys[try #require(PublicKey(bytes: bytes))] = try Samples.board("edge-\(number)")
        }
        return keys
    }

    @Test(arguments: [0, 1, 512, 513, FleetLimits.boards])
    func aListTravelsInPiecesAndReplacesWhatWasKnown(count: Int) throws {
        let list = try keys(count)
        var known = [key: board]

        let pieces = KeyChanges.pieces(from: nil, to: list)
        #expect(pieces.map(\.isComplete) == pieces.map { $0 == pieces.last })
        for piece in pieces {
            #expect(piece.entries.count <= RelayMessage.keysPerMessage)
            #expect(piece.bytes.count <= FleetLimits.payloadBytes)
            try #require(KeyChanges(piece.bytes)).apply(to: &known)
        }

        #expect(known == list)
    }

    @Test func changesAreWhatDiffers() throws {
        let before = try keys(1_000)
        var after = before
        let gone = try #require(before.first { $0.value.rawValue == "edge-7" }?.key)
        after[gone] = nil
        after[key] = board

        let pieces = KeyChanges.pieces(from: before, to: after)
        #expect(pieces.count == 1 && pieces.first?.entries.count == 2)
        var known = before
        for piece in pieces { piece.apply(to: &known) }
        #expect(known == after)
        #expect(KeyChanges.pieces(from: after, to: after).isEmpty)
    }

    @Test func moreKeysThanAMessageHoldsAreRefused() throws {
        let entries = try keys(RelayMessage.keysPerMessage + 1).map { KeyChanges.Entry(key: $0.key, board: $0.value) }
        #expect(KeyChanges(KeyChanges(startsAnew: true, isComplete: true, entries: entries).bytes) == nil)
    }
}
