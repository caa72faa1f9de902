public import WireProtocol

/// Which subnet this board measures for the coordinator. Pure: orders and results come in, actions leave.
///
///     idle ──order──▶ measuring ──result──▶ answered ──another order──▶ measuring
///                        └──another order: stop, then measuring──┘
///
/// One at a time: the newest order counts. An order that is said again is answered again, so that a lost answer does no
/// harm; a result of an order that was replaced is forgotten. Without a
/// coordinator the measurement goes on, and is answered when it asks again.
public struct MeasuringSession: Sendable {
    public enum Action: Equatable, Sendable {
        case send(MeasureReport)
        /// Begin; then call `finished` with the order's number.
        case start(MeasureOrder)
        /// What is in work is not wanted any more.
        case stop
    }

    private enum State: Equatable, Sendable {
        case idle
        case measuring(MeasureOrder)
        case answered(MeasureOrder, MeasureReport.Content)
    }

    private var state = State.idle

    public init() {}

    public mutating func received(_ order: MeasureOrder) -> [Action] {
        switch state {
        case .measuring(order): return [.send(MeasureReport(number: order.number, .working))]
        case .answered(order, let content): return [.send(MeasureReport(number: order.number, content))]
        case .measuring:
            state = .measuring(order)
            return [.stop, .start(order), .send(MeasureReport(number: order.number, .working))]
        case .idle, .answered:
            state = .measuring(order)
            return [.start(order), .send(MeasureReport(number: order.number, .working))]
        }
    }

    public mutating func finished(_ number: UInt64, _ content: MeasureReport.Content) -> [Action] {
        guard case .measuring(let order) = state, order.number == number else { return [] }
        state = .answered(order, content)
        return [.send(MeasureReport(number: number, content))]
    }
}
