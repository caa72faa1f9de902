import AgentCore
import FleetModel
import Synchronization
import WireProtocol

/// Measurements for the coordinator: part of the agent's actor. Each method returns what is to be sent.
struct MeasuringDesk {
    private var session = MeasuringSession()
    private var measurer: SubnetMeasurer?
    private let supernets: [ModelName: MeasurableSupernet]
    private let finished = FinishedMeasurement()

    /// - Parameter supernets: by the model that runs them.
    init(_ supernets: [ModelName: MeasurableSupernet]) { self.supernets = supernets }

    mutating func received(_ order: MeasureOrder) -> [Message] { perform(session.received(order)) }

    mutating func timerFired() -> [Message] {
        guard let (number, content) = finished.take() else { return [] }
        return perform(session.finished(number, content))
    }

    private mutating func perform(_ actions: [MeasuringSession.Action]) -> [Message] {
        var messages: [Message] = []
        for action in actions {
            switch action {
            case .send(let report): messages.append(.measureReport(report))
            case .stop: measurer?.stop()
            case .start(let order):
                let (measurer, finished) = (SubnetMeasurer(order, of: supernets[order.model]), finished)
                self.measurer = measurer
                measurer.start { finished.put(order.number, $0) }
            }
        }
        return messages
    }
}

/// What a measuring thread leaves for the agent's actor; the newest counts.
final class FinishedMeasurement: Sendable {
    private let content = Mutex<(UInt64, MeasureReport.Content)?>(nil)

    func put(_ number: UInt64, _ measured: MeasureReport.Content) {
        content.withLock { $0 = (number, measured) }
    }

    func take() -> (UInt64, MeasureReport.Content)? {
        content.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
