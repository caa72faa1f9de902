public import FleetModel
import SwiftProtobuf

/// Turns messages into frames and back. A frame is a fixed header, all numbers big-endian, and one protobuf payload
/// (`Protobuf/shoal.proto`):
///
///     version u8 · code u8 · session u64 · sequence u64 · payload bytes u32
///
/// Sizes are checked before anything is parsed, and every value after that: a message that leaves `decode` is within
/// `FleetLimits`, its numbers are finite and its names are names. `encode` refuses what `decode` would.
public struct MessageCodec: Sendable {
    public static let version: UInt8 = 1
    public static let headerBytes = 22

    private let payloadLimit: Int

    /// `payloadLimit`: bytes of the largest payload that is read or written.
    public init(payloadLimit: Int = FleetLimits.payloadBytes) {
        precondition(payloadLimit > 0, "a codec needs room for a payload")
        self.payloadLimit = payloadLimit
    }

    public func encode(_ message: Message, header: FrameHeader) throws(EncodingFailure) -> Frame {
        let payload = try payload(of: message)
        return Frame(header: self.header(header, code: message.code, payloadBytes: payload.count), payload: payload)
    }

    /// The payload alone, for a sender that numbers its frames later.
    public func payload(of message: Message) throws(EncodingFailure) -> [UInt8] {
        do {
            let payload = message.wirePayload()
            let bytes: [UInt8] = try payload.serializedBytes()
            guard bytes.count <= payloadLimit else {
                throw DecodingFailure.oversized(count: bytes.count, limit: payloadLimit)
            }
            _ = try Message(code: message.code, payload: bytes)
            return bytes
        } catch let failure as DecodingFailure {
            throw EncodingFailure(code: message.code, reason: failure)
        } catch {
            throw EncodingFailure(code: message.code, reason: .malformed(field: "payload"))
        }
    }

    public func header(_ header: FrameHeader, code: Message.Code, payloadBytes: Int) -> [UInt8] {
        precondition(payloadBytes <= payloadLimit, "payload of \(payloadBytes) bytes was not made by this codec")
        var bytes: [UInt8] = [Self.version, code.rawValue]
        bytes.reserveCapacity(Self.headerBytes)
        Self.append(header.session, to: &bytes)
        Self.append(header.sequence, to: &bytes)
        Self.append(UInt32(payloadBytes), to: &bytes)
        return bytes
    }

    public func decode(header: [UInt8], payload: [UInt8]) throws(DecodingFailure) -> (FrameHeader, Message) {
        guard payload.count <= payloadLimit else { throw .oversized(count: payload.count, limit: payloadLimit) }
        guard let version = header.first else { throw .truncated(needed: Self.headerBytes, available: 0) }
        guard version == Self.version else { throw .unsupportedVersion(version) }
        guard header.count >= Self.headerBytes else {
            throw .truncated(needed: Self.headerBytes, available: header.count)
        }
        guard header.count == Self.headerBytes else { throw .trailingBytes(header.count - Self.headerBytes) }
        guard let code = Message.Code(rawValue: header[1]) else { throw .unknownCode(header[1]) }

        let frame = FrameHeader(
            session: Self.number(header[2..<10]), sequence: Self.number(header[10..<18]))
        let announced = Int(Self.number(header[18..<22]) as UInt32)
        guard payload.count >= announced else { throw .truncated(needed: announced, available: payload.count) }
        guard payload.count == announced else { throw .trailingBytes(payload.count - announced) }
        return (frame, try Message(code: code, payload: payload))
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func number<Value: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>) -> Value {
        bytes.reduce(0) { $0 << 8 | Value($1) }
    }
}

/// One message as it travels: two parts that the transport keeps apart.
public struct Frame: Equatable, Sendable {
    public var header: [UInt8]
    public var payload: [UInt8]

    public init(header: [UInt8], payload: [UInt8]) {
        self.header = header
        self.payload = payload
    }
}
