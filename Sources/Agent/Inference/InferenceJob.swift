import Datasets
import Engine
import InferenceAPI
import Shoal

/// One request on its way through a model's thread.
///
/// @unchecked because it has one owner at a time: whoever makes it until it is queued, then the model's thread.
final class InferenceJob: @unchecked Sendable {
    let request: InferenceRequest
    /// By `MonotonicClock`.
    let arrival: UInt64
    /// `nil` where any time will do.
    let deadline: UInt64?
    private let channels: Int
    private let finish: @Sendable (Result<InferenceResult, InferenceRefusal>) -> Void

    /// Place of the next image.
    private(set) var image = 0
    /// When the next image's turn came, so that a batch is not taken for a queue.
    private(set) var turn: UInt64
    /// That of the first image, kept so that an answer speaks of one subnet.
    private var point: Int?
    private var preprocessor: ImagePreprocessor?
    private var values: [Float] = []

    init(
        _ request: InferenceRequest, channels: Int, arrival: UInt64,
        finish: @escaping @Sendable (Result<InferenceResult, InferenceRefusal>) -> Void
    ) {
        self.request = request
        self.channels = channels
        self.arrival = arrival
        self.finish = finish
        turn = arrival
        deadline = request.timeoutMicroseconds.map { timeout in
            let (nanoseconds, isTooLong) = UInt64(timeout).multipliedReportingOverflow(by: 1_000)
            let (instant, isTooLate) = arrival.addingReportingOverflow(nanoseconds)
            return isTooLong || isTooLate ? UInt64.max : instant
        }
    }

    /// Chooses the point at the first image, and makes what brings its images to the size that the point reads.
    func begin(at active: Int, of deployment: ModelDeployment) -> Int {
        if let point { return point }
        point = active
        let shape = deployment.plans[active].inputShape
        if request.height != shape.height || request.width != shape.width || !request.pixels.isNormalised {
            preprocessor = deployment.normalization.preprocessor(
                channels: channels, height: request.height, width: request.width, size: shape.size)
        }
        return active
    }

    /// Writes the next image as the network reads it.
    func place(into input: UnsafeMutableBufferPointer<Float>) {
        let count = channels * request.height * request.width
        let range = image * count..<(image + 1) * count
        switch request.pixels {
        case .normalised(let values):
            values.withUnsafeBufferPointer { all in
                let values = UnsafeBufferPointer(rebasing: all[range])
                if let preprocessor { preprocessor.resize(values, into: input) } else { _ = input.update(from: values) }
            }
        case .planar(let bytes):
            bytes.withUnsafeBufferPointer {
                preprocessor?.convert(UnsafeBufferPointer(rebasing: $0[range]), .planar, into: input)
            }
        case .interleaved(let bytes):
            bytes.withUnsafeBufferPointer {
                preprocessor?.convert(UnsafeBufferPointer(rebasing: $0[range]), .interleaved, into: input)
            }
        }
    }

    /// Takes an image's output; after the last one the answer leaves.
    /// - Returns: whether it was the last one.
    func imageCompleted(_ logits: UnsafeBufferPointer<Float>, at now: UInt64) -> Bool {
        values += logits
        image += 1
        turn = now
        guard image == request.images else { return false }
        finish(
            .success(
                InferenceResult(
                    values: values, operatingPoint: point ?? 0, latencyMilliseconds: Double(now - arrival) / 1e6)))
        return true
    }

    func refuse(_ reason: String) { finish(.failure(InferenceRefusal(.unavailable, reason))) }
}

extension InferenceRequest.Pixels {
    fileprivate var isNormalised: Bool { if case .normalised = self { true } else { false } }
}
