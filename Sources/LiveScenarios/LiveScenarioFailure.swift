/// Why a scenario cannot be lived through in real time.
public struct LiveScenarioFailure: Error, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
