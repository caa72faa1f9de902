public import FleetModel
public import WireProtocol

/// Joins a board to its fleet, once: says `enrol` at the enrolment endpoint and waits for the answer. From then on the
/// key in `keys` may speak at the fleet endpoint.
public enum Enrolment {
    /// Returns the board's name as the coordinator keeps it. Throws `EnrolmentFailure`, `SendFailure`, `ZeroMQFailure`.
    public static func enrol(
        at endpoint: String, serverKey: PublicKey, keys: CurveKeyPair, token: String, board: BoardDescription,
        timeout: Duration
    ) async throws -> BoardID {
        let transport = try ZeroMQAgentTransport(
            connectingTo: endpoint, serverKey: serverKey, keys: keys,
            codec: MessageCodec(payloadLimit: FleetLimits.enrolmentPayloadBytes))
        let result: Result<BoardID, any Error>
        do {
            try transport.send(.enrol(token: token, board: board))
            result = .success(try await answer(on: transport.incoming, from: endpoint, within: timeout))
        } catch {
            result = .failure(error)
        }
        await transport.stop()
        return try result.get()
    }

    /// At one address of the bundle after the other, in the board's own order, until somebody answers; each has the
    /// time. A second enrolment of the same key is told what the first was.
    /// - Throws: as above; of addresses where nobody answers, the last one's failure.
    public static func enrol(
        _ bundle: EnrolmentBundle, keys: CurveKeyPair, board: BoardDescription, timeout: Duration
    ) async throws -> BoardID {
        let addresses = AddressChoice<ContinuousClock.Instant>.order(
            of: bundle.allEnrolmentEndpoints, for: board.id.rawValue)
        for address in addresses.dropLast() {
            do {
                return try await enrol(
                    at: address, serverKey: bundle.serverPublicKey, keys: keys, token: bundle.token, board: board,
                    timeout: timeout)
            } catch EnrolmentFailure.noAnswer { continue }
        }
        return try await enrol(
            at: addresses.last ?? bundle.enrolmentEndpoint, serverKey: bundle.serverPublicKey, keys: keys,
            token: bundle.token, board: board, timeout: timeout)
    }

    private static func answer(
        on incoming: AsyncStream<Message>, from endpoint: String, within timeout: Duration
    ) async throws -> BoardID {
        try await withThrowingTaskGroup(of: BoardID.self) { group in
            group.addTask {
                for await message in incoming {
                    switch message {
                    case .enrolled(let board): return board
                    case .refused(let reason): throw EnrolmentFailure.refused(reason)
                    default: throw EnrolmentFailure.unexpected(message.code)
                    }
                }
                throw EnrolmentFailure.noAnswer(endpoint: endpoint, within: timeout)
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw EnrolmentFailure.noAnswer(endpoint: endpoint, within: timeout)
            }
            defer { group.cancelAll() }
            guard let board = try await group.next() else {
                throw EnrolmentFailure.noAnswer(endpoint: endpoint, within: timeout)
            }
            return board
        }
    }
}

public enum EnrolmentFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case refused(String)
    /// Nobody there, another server key, or a coordinator that did not get to it; the token may have been used.
    case noAnswer(endpoint: String, within: Duration)
    case unexpected(Message.Code)

    public var description: String {
        switch self {
        case .refused(let reason): "The coordinator refused the enrolment: \(reason)"
        case .noAnswer(let endpoint, let timeout):
            "No answer from \(endpoint) within \(timeout); check the endpoint and the server's public key."
        case .unexpected(let code): "The coordinator answered the enrolment with '\(code)'."
        }
    }
}
