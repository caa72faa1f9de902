import Files
import Foundation
import Logging
import Messaging
import Synchronization
import Testing
import WireProtocol

@testable import Agent

/// A board's keys on its disk, over restarts at every step.
@Suite struct KeyDeskTests {
    private final class Connections: Sendable {
        let keys = Mutex<[PublicKey]>([])
        let isBroken = Atomic(false)
    }

    private struct Broken: Error {}
    private let folder: String
    private let connections = Connections()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func start() throws -> KeyDesk {
        let current = try CurveKeyPair.loadOrCreate(at: folder + "/key.json")
        return KeyDesk(folder: folder, current: current, logger: Logger(label: "test")) { [connections] pair in
            if connections.isBroken.load(ordering: .relaxed) { throw Broken() }
            connections.keys.withLock { $0.append(pair.publicKey) }
        }
    }

    private func told(_ outcome: KeyDesk.Outcome) throws -> String {
        guard case .keyReport(let report) = outcome.messages.first else { throw Broken() }
        return report.key
    }

    private var current: String { get throws { try CurveKeyPair.load(from: folder + "/key.json").publicKey.z85 } }
    private var hasNext: Bool { FileManager.default.fileExists(atPath: KeyDesk.nextPath(in: folder)) }

    @Test func theKeyThatIsToldIsOnTheDiskAndTheSameAfterARestart() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var desk = try start()
        let before = try current
        let first = try told(desk.received(KeyOrder(number: 3, .wanted)))
        #expect(hasNext && first != before)
        #expect(
            try FileManager.default.attributesOfItem(atPath: KeyDesk.nextPath(in: folder))[.posixPermissions]
                as? Int == 0o600)

        desk = try start()
        #expect(try told(desk.received(KeyOrder(number: 4, .wanted))) == first)
        #expect(try current == before)
    }

    @Test func aKeyThatWelcomedTheBoardTakesTheOldOnesPlace() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var desk = try start()
        let next = try told(desk.received(KeyOrder(number: 3, .wanted)))
        #expect(desk.received(KeyOrder(number: 3, .accepted(key: next))).hasReconnected == true)
        #expect(connections.keys.withLock { $0.map(\.z85) } == [next])
        #expect(try current != next)

        #expect(desk.sessionStarted().hasReconnected == false)
        #expect(try current == next)
        #expect(!hasNext)
        #expect(desk.helloUnanswered().hasReconnected == false)
    }

    /// It was killed while it waited for the welcome, and begins with the old key, which is refused by now.
    @Test func aBoardThatIsNotAnsweredTriesTheOtherKey() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var desk = try start()
        let next = try told(desk.received(KeyOrder(number: 3, .wanted)))
        desk = try start()
        #expect(desk.helloUnanswered().hasReconnected == true)
        #expect(desk.helloUnanswered().hasReconnected == true)
        #expect(connections.keys.withLock { $0.map(\.z85) } == [next, try current])
        _ = desk.helloUnanswered()
        _ = desk.sessionStarted()
        #expect(try current == next)
    }

    /// The new key is in its place and the agent died before it removed the file.
    @Test func aDeathBetweenTheTwoFilesLeavesOneKey() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var desk = try start()
        let next = try told(desk.received(KeyOrder(number: 3, .wanted)))
        try CurveKeyPair.load(from: KeyDesk.nextPath(in: folder)).save(to: folder + "/key.json")
        desk = try start()
        #expect(!hasNext)
        #expect(try current == next)
        #expect(desk.helloUnanswered().hasReconnected == false)
    }

    @Test func aConnectionThatCannotBeMadeLeavesTheOldOne() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var desk = try start()
        let before = try current
        let next = try told(desk.received(KeyOrder(number: 3, .wanted)))
        connections.isBroken.store(true, ordering: .relaxed)
        #expect(desk.received(KeyOrder(number: 3, .accepted(key: next))).hasReconnected == false)
        // The session goes on over the old connection, and that is no welcome of the new key.
        _ = desk.sessionStarted()
        #expect(try current == before)
        connections.isBroken.store(false, ordering: .relaxed)
        #expect(desk.received(KeyOrder(number: 3, .accepted(key: next))).hasReconnected == true)
    }

    @Test func aNextKeyThatIsNoKeyIsLeftAloneAndTheBoardSpeaks() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try start()
        try PrivateFile.write(Array("torn".utf8), to: KeyDesk.nextPath(in: folder))
        var desk = try start()
        #expect(desk.helloUnanswered().hasReconnected == false)
        let next = try told(desk.received(KeyOrder(number: 3, .wanted)))
        #expect(try CurveKeyPair.load(from: KeyDesk.nextPath(in: folder)).publicKey.z85 == next)
    }
}
