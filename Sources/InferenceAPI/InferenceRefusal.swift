/// A request for inference that cannot be served, in one sentence for whoever made it.
public struct InferenceRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// 400: not what the protocol or the model asks for.
        case malformed
        /// 404: no such model, version or path.
        case unknown
        /// 413
        case tooLarge
        /// 503: not ready yet, too much to do, or not in time.
        case unavailable
        /// 500
        case failed
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
