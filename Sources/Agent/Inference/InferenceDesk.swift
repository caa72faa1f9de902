import Engine
import FleetModel
import InferenceAPI
import Processors
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
        let arrival = MonotonicClock.now()
        let result = await withCheckedContinuation { continuation in
            do throws(InferenceRefusal) {
                try submit(request, on: model, arrival: arrival) { continuation.resume(returning: $0) }
            } catch { continuation.resume(returning: .failure(error)) }
        }
        return try result.get()
    }

    /// - Parameters:
    ///   - arrival: By `MonotonicClock`.
    ///   - finish: called once, on the model's thread unless the request is refused at once.
    /// - Throws: where there is nobody to call it.
    func submit(
        _ request: InferenceRequest, on model: ServedModel, arrival: UInt64,
        finish: @escaping @Sendable (Result<InferenceResult, InferenceRefusal>) -> Void
    ) throws(InferenceRefusal) {
        let runner = runners.withLock { $0?.first { $0.deployment.name.rawValue == model.name } }
        guard let queue = runner?.requests else { throw InferenceRefusal(.unavailable, "the agent is stopping") }
        queue.submit(InferenceJob(request, channels: model.channels, arrival: arrival, finish: finish))
    }
}

extension ModelDeployment {
    fileprivate var served: ServedModel {
        ServedModel(
            name: name.rawValue, channels: plans[0].inputShape.channels, outputCount: plans[0].outputCount)
    }
}
