/// Why a frame was refused. The fault is always the peer's; the frame is dropped and counted.
public enum DecodingFailure: Error, Equatable, Sendable {
    case truncated(needed: Int, available: Int)
    case trailingBytes(Int)
    case unsupportedVersion(UInt8)
    case unknownCode(UInt8)
    /// The payload has more bytes than its limit; it was not parsed.
    case oversized(count: Int, limit: Int)
    /// The field's value is none that a correct peer sends.
    case malformed(field: String)
    /// The field holds more than a named limit of `FleetLimits` allows.
    case limitExceeded(field: String, limit: Int)
}

extension DecodingFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let needed, let available): "The frame needs \(needed) bytes and has \(available)."
        case .trailingBytes(let count): "The frame has \(count) bytes behind its end."
        case .unsupportedVersion(let version):
            "The frame is of protocol version \(version); this side speaks version \(MessageCodec.version)."
        case .unknownCode(let code): "The frame has the unknown message code \(code)."
        case .oversized(let count, let limit): "The payload of \(count) bytes is over the limit of \(limit)."
        case .malformed(let field): "The field \(field) has a value that is not allowed."
        case .limitExceeded(let field, let limit): "The field \(field) is over its limit of \(limit)."
        }
    }
}

/// Why a message cannot be sent: the other side would refuse it. The fault is this program's.
public struct EncodingFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let code: Message.Code
    public let reason: DecodingFailure

    public var description: String { "The message '\(code)' cannot be sent: \(reason)" }
}
