public import FleetModel
import WireProtocol

/// A telemetry record as it is kept: the bytes that a message would carry it in.
public struct SpooledRecord: Equatable, Sendable {
    public let position: TelemetryPosition
    public let payload: [UInt8]

    private static let codec = MessageCodec()

    init(position: TelemetryPosition, payload: [UInt8]) { (self.position, self.payload) = (position, payload) }

    /// Throws `EncodingFailure` where no message can carry the record.
    public init(_ record: TelemetryRecord) throws {
        self.init(position: record.position, payload: try Self.codec.payload(of: .telemetry([record])))
    }

    /// `nil` where the bytes are no record, or one of another name.
    public var record: TelemetryRecord? {
        let header = Self.codec.header(
            FrameHeader(session: 0, sequence: 0), code: .telemetry, payloadBytes: payload.count)
        guard case .telemetry(let records)? = try? Self.codec.decode(header: header, payload: payload).1,
            records.count == 1, records[0].position == position
        else { return nil }
        return records[0]
    }

    /// Of the name and the bytes.
    var checksum: Int64 {
        var checksum = Checksum()
        for number in [position.incarnation, position.sequence] {
            withUnsafeBytes(of: number.littleEndian) { checksum.add($0) }
        }
        checksum.add(payload)
        return Int64(bitPattern: checksum.value)
    }
}

/// FNV-1a of 64 bits: finds what a disk has done to a file, not what an adversary has.
public struct Checksum: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
}
