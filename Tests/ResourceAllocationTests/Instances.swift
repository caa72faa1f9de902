import FleetModel
import ResourceAllocation
import SearchSpace

/// Random problems and the plain search that knows their answer.
enum Instances {
    static func point(_ latency: Double, _ accuracy: Double) -> OperatingPoint {
        OperatingPoint(
            configuration: SubnetConfiguration(
                resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
            accuracy: accuracy, latencyMilliseconds: latency, flops: 1)
    }

    static func request(
        _ model: String, points: [(Double, Double)], fps: Double = 10, milliseconds: Double = 1_000,
        floor: Double? = nil, priority: Int = 10
    ) -> AllocationRequest {
        AllocationRequest(
            policy: ModelPolicy(
                model: model, latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                accuracyFloor: floor, priority: priority),
            points: points.map { point($0.0, $0.1) }, framesPerSecond: fps)
    }

    static func requests(
        models: Int, points: Int, using generator: inout some RandomNumberGenerator
    ) -> [AllocationRequest] {
        (0..<models).map { index in
            var (latency, accuracy) = (Double.random(in: 0.5...4, using: &generator), 0.5)
            let table = (0..<points).map { _ in
                latency += Double.random(in: 0.1...3, using: &generator)
                accuracy += Double.random(in: 0...0.5 / Double(points), using: &generator)
                return (latency, accuracy)
            }
            return request(
                "m\(index)", points: table, fps: Double.random(in: 5...60, using: &generator),
                milliseconds: Double.random(in: 3...20, using: &generator),
                floor: Bool.random(using: &generator) ? Double.random(in: 0.4...0.7, using: &generator) : nil,
                priority: Int.random(in: 1...100, using: &generator))
        }
    }

    /// Whether the model's own limits permit a point without percentiles, memory or energy.
    static func permits(_ request: AllocationRequest, _ point: OperatingPoint) -> Bool {
        point.latencyMilliseconds <= request.policy.latency.milliseconds
            && point.accuracy >= request.policy.accuracyFloor ?? 0
            && point.latencyMilliseconds * request.framesPerSecond <= 1_000
    }

    /// The best objective by trying everything that is allowed; `nil` when nothing is.
    static func exhaustive(_ requests: [AllocationRequest], capacity: Double) -> Double? {
        func search(_ rest: ArraySlice<AllocationRequest>, _ cores: Double) -> Double? {
            guard let request = rest.first else { return cores <= capacity + 1e-9 ? 0 : nil }
            var best: Double?
            for point in request.points where permits(request, point) {
                let used = cores + point.latencyMilliseconds * request.framesPerSecond / 1_000
                guard let value = search(rest.dropFirst(), used) else { continue }
                best = max(best ?? 0, value + Double(request.policy.priority) * point.accuracy)
            }
            return best
        }
        return search(requests[...], 0)
    }
}
