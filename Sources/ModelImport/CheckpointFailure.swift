import Engine

/// Why a checkpoint cannot be imported: which file, which tensor where one is at fault, and the reason.
public struct CheckpointFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    public let tensor: String?
    public let reason: String

    public init(file: String, tensor: String? = nil, reason: String) {
        self.file = file
        self.tensor = tensor
        self.reason = reason
    }

    public var description: String { "\(file): \(tensor.map { "tensor \($0.printable): " } ?? "")\(reason)" }
}
