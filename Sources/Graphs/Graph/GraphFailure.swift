/// Why a graph cannot be built, bound or run.
public struct GraphFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The node at fault: operator, name and opset; `nil` where it is the graph as a whole.
    public var place: String?
    public var reason: String

    public init(_ reason: String, at node: Node? = nil) {
        place = node?.place
        self.reason = reason
    }

    /// The same with the node at fault, unless one is named already.
    package func at(_ node: Node) -> GraphFailure {
        var failure = self
        failure.place = place ?? node.place
        return failure
    }

    public var description: String { (place.map { $0 + ": " } ?? "") + reason }
}

extension Node {
    /// How messages name a node: by its own name, or else by what it computes.
    public var place: String {
        let qualified = domain.isEmpty ? operatorName : "\(domain).\(operatorName)"
        let called = name.isEmpty ? "the node that computes \(outputs.first ?? "nothing")" : "node \(name)"
        return "\(qualified.printable) (\(called.printable), opset \(opset))"
    }
}
