import CZeroMQ

/// ZeroMQ could not do something for a reason of its surroundings.
public struct ZeroMQFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let operation: String
    /// `errno` of the call.
    public let code: Int32

    init(_ operation: String, code: Int32 = zmq_errno()) {
        self.operation = operation
        self.code = code
    }

    public var description: String { "ZeroMQ could not \(operation): \(String(cString: zmq_strerror(code)))." }
}
