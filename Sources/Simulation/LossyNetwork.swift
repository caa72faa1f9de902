public import FleetModel
public import WireProtocol

/// Messages on their way between boards and the coordinator; loses, repeats, delays and so reorders them.
///
/// Harsher than the transport, which is ordered per connection: what converges here converges there.
public struct LossyNetwork: Sendable {
    public struct Faults: Equatable, Sendable {
        /// Probability that a message is lost, 0...1.
        public var loss: Double
        /// Probability that a message arrives twice, 0...1.
        public var duplication: Double
        /// Longest time on the way; each copy takes its own.
        public var delay: Duration

        public init(loss: Double, duplication: Double, delay: Duration) {
            self.loss = loss
            self.duplication = duplication
            self.delay = delay
        }

        public static let none = Faults(loss: 0, duplication: 0, delay: .milliseconds(1))
    }

    public enum Direction: Equatable, Sendable { case toCoordinator, toBoard }

    public struct Parcel: Equatable, Sendable {
        public var board: BoardID
        public var direction: Direction
        public var message: Message
        public var arrival: VirtualInstant
    }

    public var faults: Faults
    private var parcels: [Parcel] = []

    public init(faults: Faults) { self.faults = faults }

    public mutating func send(
        _ message: Message, _ direction: Direction, _ board: BoardID, at now: VirtualInstant,
        using generator: inout some RandomNumberGenerator
    ) {
        let isRepeated = Double.random(in: 0..<1, using: &generator) < faults.duplication
        for _ in 0..<(isRepeated ? 2 : 1) {
            let delay = faults.delay * Double.random(in: 0...1, using: &generator)
            let isLost = Double.random(in: 0..<1, using: &generator) < faults.loss
            if isLost { continue }
            parcels.append(
                Parcel(board: board, direction: direction, message: message, arrival: now.advanced(by: delay)))
        }
    }

    /// What has arrived, in the order of arrival.
    public mutating func deliver(at now: VirtualInstant) -> [Parcel] {
        let arrived = parcels.filter { $0.arrival <= now }
        parcels.removeAll { $0.arrival <= now }
        return arrived.enumerated().sorted { ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset) }
            .map(\.element)
    }
}
