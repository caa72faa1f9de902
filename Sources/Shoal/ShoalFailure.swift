/// Why something that was asked of the library cannot be done, in one sentence.
public struct ShoalFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// A number, size or place among the arguments is not one that can be used.
        case argument
        /// A package or a file that goes with it cannot be read, is damaged, or holds something else.
        case file
        /// The package has no such subnet, or nothing that it needs to run.
        case subnet
        /// An image is not one that the network reads, or cannot be decoded.
        case image
        /// The machine cannot do it: no such kernels, no threads.
        case environment
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
