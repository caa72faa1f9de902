import AgentCore
import Foundation
import GateSharing
import HookSharing
import Logging
import WireProtocol

/// Gates that this board learns with others: the sessions of all models with those that learn. Part of the agent's
/// actor.
struct SharingDesk {
    private struct Place {
        let gates: SharedGates
        var session: GateSharingSession<ContinuousClock.Instant>
        var lastNumber: UInt64 = 0
    }

    private var places: [Place]
    private let state: AgentState
    private let logger: Logger

    init(_ shared: [SharedGates], state: AgentState, logger: Logger) {
        (self.state, self.logger) = (state, logger)
        places = shared.map { gates in
            Place(
                gates: gates,
                session: GateSharingSession(
                    modelSHA256: gates.modelSHA256, hookSHA256: gates.hookSHA256,
                    parameters: gates.parameterCount, gates: gates.layout.gateCount, version: gates.version))
        }
    }

    // Each of these returns what is to be sent.

    mutating func sessionStarted() -> [Message] {
        places.indices.flatMap { perform(places[$0].session.sessionStarted(), $0) }
    }

    mutating func sessionLost() { for index in places.indices { places[index].session.sessionLost() } }

    mutating func received(_ order: GateOrder) -> [Message] {
        guard let index = places.firstIndex(where: { $0.session.concerns(order) }) else { return [] }
        return perform(places[index].session.received(order.content, at: .now), index)
    }

    mutating func timerFired() -> [Message] {
        places.indices.flatMap { index in
            var messages = perform(places[index].session.timerFired(at: .now), index)
            let before = places[index].session.version
            messages += perform(places[index].session.using(places[index].gates.used), index)
            let version = places[index].session.version
            if version != before { logger.info("shared gates", metadata: ["version": "\(version)"]) }
            if let scored = places[index].gates.takeScored() {
                messages += perform(
                    places[index].session.scored(
                        scored.version, samples: scored.samples, loss: scored.loss, lossBefore: scored.lossBefore,
                        gates: scored.gates), index)
            }
            if places[index].session.mayUpdate(at: .now), let learned = places[index].gates.takeLearned(),
                let number = nextNumber(after: places[index].lastNumber)
            {
                places[index].lastNumber = number
                messages += perform(
                    places[index].session.learned(
                        number: number, baseVersion: learned.baseVersion, delta: learned.delta,
                        samples: learned.samples, loss: learned.loss, at: .now), index)
            }
            return messages
        }
    }

    /// - Returns: `nil` where the disk does not keep it: then nothing is said that a later start might say again.
    private func nextNumber(after last: UInt64) -> UInt64? {
        do { return try state.nextUpdateNumber(above: last) } catch {
            logger.warning("sharing gates", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private mutating func perform(
        _ actions: [GateSharingSession<ContinuousClock.Instant>.Action], _ index: Int
    ) -> [Message] {
        var messages: [Message] = []
        for action in actions {
            switch action {
            case .send(let report): messages.append(.gateReport(report))
            case .adopt(let number, let values, let scores):
                guard places[index].gates.adopt(.init(number: number, values: values, gates: scores)) else {
                    logger.warning("shared gates do not fit", metadata: ["version": "\(number)"])
                    places[index].session.refused(number)
                    continue
                }
                if let failure = places[index].gates.failure {
                    logger.warning("shared gates not kept", metadata: ["reason": "\(failure)"])
                }
            case .score(let number, let values):
                _ = places[index].gates.ask(about: .init(number: number, values: values, gates: []))
            case .damaged(let number):
                logger.warning("shared gates came damaged; the last good ones stay", metadata: ["version": "\(number)"])
            }
        }
        return messages
    }
}
