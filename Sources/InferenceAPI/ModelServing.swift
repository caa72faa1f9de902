/// What the endpoint serves: the agent's models behind a port; tests use a twin in memory.
public protocol ModelServing: Sendable {
    /// `nil` until the models have been loaded.
    var models: [ServedModel]? { get }

    /// Runs the images of a request, one after another.
    /// - Throws: `InferenceRefusal` where it cannot be done now or in time.
    func infer(_ request: InferenceRequest, on model: ServedModel) async throws(InferenceRefusal) -> InferenceResult
}

/// A model as its clients see it.
public struct ServedModel: Equatable, Sendable {
    /// The one version of every model.
    static let version = "1"

    public var name: String
    /// Channels of the images that it reads.
    public var channels: Int
    /// Values of the output for each image.
    public var outputCount: Int

    public init(name: String, channels: Int, outputCount: Int) {
        self.name = name
        self.channels = channels
        self.outputCount = outputCount
    }
}

public struct InferenceResult: Equatable, Sendable {
    /// `images x outputCount`
    public var values: [Float]
    /// The point that computed all of them: a place in the model's Pareto table, 0 is the fastest.
    public var operatingPoint: Int
    /// From the request's arrival to its last value.
    public var latencyMilliseconds: Double

    public init(values: [Float], operatingPoint: Int, latencyMilliseconds: Double) {
        self.values = values
        self.operatingPoint = operatingPoint
        self.latencyMilliseconds = latencyMilliseconds
    }
}
