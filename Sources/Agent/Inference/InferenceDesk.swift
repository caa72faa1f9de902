import Engine
import FleetModel
import InferenceAPI
import Synchronization

/// The agent's models as the endpoint sees them: none until they have been loaded, then each with the queue of its
/// thread.
final class InferenceDesk: ModelServing {
    private let runners = Mutex<[ModelRunner]?>(nil)

    func open(_ loaded: [ModelRunner]) { runners.withLock { $0 = loaded } }
    func close() { runners.withLock { $0 = nil } }

    var models: [ServedModel]? { runners.withLock { $0?.map(\.deployment.served) } }

    func infer(
        _ request: InferenceRequest, on model: ServedModel
    ) async throws(InferenceRefusal) -> InferenceResult {
        let runner = runners.withLock { $0?.first { $0.deployment.name.rawValue == model.name } }
        guard let queue = runner?.requests else { throw InferenceRefusal(.unavailable, "the agent is stopping") }
        let result = await withCheckedContinuation { continuation in
            queue.submit(
                InferenceJob(request, channels: model.channels, arrival: MonotonicClock.now()) {
                    continuation.resume(returning: $0)
                })
        }
        return try result.get()
    }
}

extension ModelDeployment {
    fileprivate var served: ServedModel {
        ServedModel(
            name: name.rawValue, channels: plans[0].inputShape.channels, outputCount: plans[0].outputCount)
    }
}
