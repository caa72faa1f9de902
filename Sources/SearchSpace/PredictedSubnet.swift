/// A subnet and what is predicted of it: what a search proposes and a board measures.
public struct PredictedSubnet: Hashable, Codable, Sendable {
    public var configuration: SubnetConfiguration
    /// Top-1, a fraction.
    public var accuracy: Double
    public var latencyMilliseconds: Double

    public init(configuration: SubnetConfiguration, accuracy: Double, latencyMilliseconds: Double) {
        self.configuration = configuration
        self.accuracy = accuracy
        self.latencyMilliseconds = latencyMilliseconds
    }
}
