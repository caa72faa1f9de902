import AgentCore
import Files
import Logging
import Messaging
import WireProtocol

/// The board's CURVE keys: what `KeySession` decides, done to files and to the connection.
///
/// `key.json` is the key in force; `key-next.json` stands beside it while the coordinator wants another one.
struct KeyDesk {
    private let folder: String
    private let logger: Logger
    private let reconnect: @Sendable (CurveKeyPair) throws -> Void
    private var session: KeySession
    private var current: CurveKeyPair
    private var next: CurveKeyPair?

    /// What is to be done by the session with the coordinator.
    struct Outcome {
        var messages: [Message] = []
        /// Everything that was sent over the old connection may be lost.
        var hasReconnected = false
    }

    /// - Parameter reconnect: makes the connection anew with that key.
    init(
        folder: String, current: CurveKeyPair, logger: Logger,
        reconnect: @escaping @Sendable (CurveKeyPair) throws -> Void
    ) {
        (self.folder, self.logger, self.reconnect, self.current) = (folder, logger, reconnect, current)
        next = Self.leftBehind(in: folder, beside: current, logger)
        session = KeySession(hasNext: next != nil)
    }

    static func nextPath(in folder: String) -> String { folder + "/key-next.json" }

    /// A key that an earlier start made and did not get to use. One that took the place of the key in force before the
    /// agent died is no longer needed beside it; one that cannot be read is of no use, and is kept for people.
    private static func leftBehind(in folder: String, beside current: CurveKeyPair, _ logger: Logger) -> CurveKeyPair? {
        let path = nextPath(in: folder)
        guard PrivateFile.exists(path) else { return nil }
        do throws(PrivateFileFailure) {
            let pair = try CurveKeyPair.load(from: path)
            guard pair.publicKey != current.publicKey else {
                try PrivateFile.remove(path)
                return nil
            }
            return pair
        } catch {
            logger.error("the key that was to come next cannot be used", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    mutating func received(_ order: KeyOrder) -> Outcome {
        let next = next?.publicKey.z85
        return perform(session.received(order) { $0 == next })
    }

    mutating func sessionStarted() -> Outcome { perform(session.sessionStarted()) }

    mutating func helloUnanswered() -> Outcome { perform(session.helloUnanswered()) }

    private mutating func perform(_ actions: [KeySession.Action]) -> Outcome {
        var (outcome, open) = (Outcome(), actions)
        while !open.isEmpty {
            let action = open.removeFirst()
            // The coordinator says again what was not done.
            do { open += try perform(action, &outcome) } catch {
                logger.error("key", metadata: ["not done": "\(action)", "reason": "\(error)"])
            }
        }
        return outcome
    }

    private mutating func perform(
        _ action: KeySession.Action, _ outcome: inout Outcome
    ) throws -> [KeySession.Action] {
        switch action {
        case .makeKey:
            let pair = try CurveKeyPair.generate()
            try pair.save(to: Self.nextPath(in: folder))
            next = pair
            logger.info("made a new key", metadata: ["public": "\(pair.publicKey)"])
            return session.keyMade()
        case .tell(let number):
            guard let next else { return [] }
            outcome.messages.append(.keyReport(KeyReport(number: number, key: next.publicKey.z85)))
        case .connect(let key):
            guard let pair = key == .next ? next : current else { return [] }
            do { try reconnect(pair) } catch {
                session.connectionFailed()
                throw error
            }
            outcome.hasReconnected = true
        case .adopt:
            guard let next else { return [] }
            try next.save(to: folder + "/key.json")
            current = next
            self.next = nil
            session.keyAdopted()
            logger.notice("the new key is in force", metadata: ["public": "\(next.publicKey)"])
            // From here on the next start finds both files with one key, and removes this one.
            try PrivateFile.remove(Self.nextPath(in: folder))
        }
        return []
    }
}
