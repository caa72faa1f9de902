/// What the agent answers to each packet, in the order in which it is done.
///
///     u32 'SHF1'  u16 1  u16 status  u64 id  u32 operatingPoint  u32 count  f64 latencyMilliseconds
///     status 0: count floats; else: count bytes of UTF-8, why not
///
/// A packet that cannot be read is answered with id 0, one that only names values which no frame can have (a sensor
/// that is no number, or is given twice) with its own.
public struct FrameAnswer: Equatable, Sendable {
    /// They keep their numbers.
    public enum Status: UInt16, Sendable, CaseIterable {
        case done = 0
        case malformed = 1
        case unknown = 2
        case tooLarge = 3
        case unavailable = 4
        case failed = 5
    }

    public var id: UInt64
    public var status: Status
    public var operatingPoint: UInt32
    /// From the packet's arrival to the answer.
    public var latencyMilliseconds: Double
    /// The network's first output.
    public var values: [Float]
    /// Why it was not done.
    public var reason: String

    /// The most values of an answer.
    public static let valueLimit = 16_384
    public static let reasonLimit = 512
    /// Bytes of the longest answer.
    public static let byteLimit = 32 + 4 * valueLimit

    public init(id: UInt64, operatingPoint: UInt32 = 0, latencyMilliseconds: Double = 0, values: [Float] = []) {
        self.id = id
        status = .done
        self.operatingPoint = operatingPoint
        self.latencyMilliseconds = latencyMilliseconds
        self.values = values
        reason = ""
    }

    public init(id: UInt64, refused status: Status, _ reason: String) {
        self.init(id: id)
        self.status = status
        self.reason = String(decoding: reason.utf8.prefix(Self.reasonLimit), as: UTF8.self)
    }

    /// - Precondition: no more values than `valueLimit`.
    public func encoded() -> [UInt8] {
        precondition(values.count <= Self.valueLimit, "\(values.count) values")
        var writer = PacketWriter()
        writer.head(status.rawValue)
        writer.integer(id)
        writer.integer(operatingPoint)
        let text = Array(reason.utf8.prefix(Self.reasonLimit))
        writer.integer(UInt32(status == .done ? values.count : text.count))
        writer.integer(latencyMilliseconds.bitPattern)
        if status == .done { for value in values { writer.integer(value.bitPattern) } } else { writer.bytes += text }
        return writer.bytes
    }

    /// - Returns: `nil` for whatever is not exactly one answer.
    public init?(_ packet: ArraySlice<UInt8>) {
        var reader = PacketReader(packet)
        guard let status = reader.head().flatMap(Status.init), let id: UInt64 = reader.integer(),
            let point: UInt32 = reader.integer(), let count: UInt32 = reader.integer(),
            let latency: UInt64 = reader.integer()
        else { return nil }
        self.init(id: id, operatingPoint: point, latencyMilliseconds: Double(bitPattern: latency))
        self.status = status
        if status == .done {
            guard count <= Self.valueLimit else { return nil }
            for _ in 0..<count {
                guard let bits: UInt32 = reader.integer() else { return nil }
                values.append(Float(bitPattern: bits))
            }
        } else {
            guard count <= Self.reasonLimit, let text = reader.text(Int(count)) else { return nil }
            reason = text
        }
        guard reader.isAtEnd else { return nil }
    }
}
