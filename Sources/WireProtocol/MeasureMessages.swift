public import FleetModel
public import SearchSpace
import SwiftProtobuf

/// A subnet that a board is to measure on its engine, beside its streams and at low priority.
///
///     order   said again until the board reports; another number replaces the order before
///     report  working    to an order that is in work
///             measured, refused    to one that is done, as often as it is said again
///
/// Only boards whose hello named the supernet are asked, so that agents of earlier versions are not.
public struct MeasureOrder: Equatable, Sendable {
    /// Never that of another order, also after restarts of the coordinator.
    public var number: UInt64
    public var model: ModelName
    /// 64 hexadecimal digits: of whose supernet it is a subnet.
    public var supernetSHA256: String
    public var subnet: SubnetConfiguration

    public init(number: UInt64, model: ModelName, supernetSHA256: String, subnet: SubnetConfiguration) {
        (self.number, self.model, self.supernetSHA256, self.subnet) = (number, model, supernetSHA256, subnet)
    }
}

/// What a board says of an order.
public struct MeasureReport: Equatable, Sendable {
    /// Batches of one measurement.
    public static let batchLimit = 64

    public enum Content: Equatable, Sendable {
        case working
        /// Median milliseconds of each batch of runs that nothing interrupted; above 0.
        case measured([Double])
        case refused(reason: String)
    }

    public var number: UInt64
    public var content: Content

    public init(number: UInt64, _ content: Content) { (self.number, self.content) = (number, content) }
}

extension MeasureOrder {
    init(_ wire: WireMeasureOrder) throws(DecodingFailure) {
        guard wire.hasSubnet else { throw .malformed(field: "subnet") }
        number = try Checks.counter(wire.number, "number", from: 1)
        model = try Checks.model(wire.model, "model")
        supernetSHA256 = try Checks.sha256(wire.supernetSha256, "supernetSha256")
        subnet = try SubnetConfiguration(wire.subnet)
    }
}

extension MeasureReport {
    init(_ wire: WireMeasureReport) throws(DecodingFailure) {
        number = try Checks.counter(wire.number, "number", from: 1)
        switch wire.content {
        case .working: content = .working
        case .measured(let measured):
            try Checks.count(measured.milliseconds.count, "milliseconds", limit: Self.batchLimit)
            guard !measured.milliseconds.isEmpty else { throw .malformed(field: "milliseconds") }
            for value in measured.milliseconds {
                _ = try Checks.number(
                    try Checks.positive(value, "milliseconds"), "milliseconds",
                    in: 0...BoardDescription.latencyLimitMilliseconds)
            }
            content = .measured(measured.milliseconds)
        case .refused(let refused): content = .refused(reason: try Checks.text(refused.reason, "reason"))
        case nil: throw .malformed(field: "content")
        }
    }
}

extension WireMeasureOrder {
    init(_ order: MeasureOrder) {
        self.init()
        (number, model, supernetSha256) = (order.number, order.model.rawValue, order.supernetSHA256)
        subnet = WireOperatingPoint(order.subnet)
    }
}

extension WireMeasureReport {
    init(_ report: MeasureReport) {
        self.init()
        number = report.number
        switch report.content {
        case .working: working = WireMeasureWorking()
        case .measured(let batches): measured = .with { $0.milliseconds = batches }
        case .refused(let reason): refused = .with { $0.reason = reason }
        }
    }
}
