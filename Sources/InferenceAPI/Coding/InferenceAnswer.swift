import Foundation

/// The bytes of an answer to a request for inference.
struct InferenceAnswer: Equatable {
    /// JSON, and after it the output's bytes where they were asked for.
    let body: [UInt8]
    /// Bytes of the JSON; `nil` where nothing follows it.
    let headerLength: Int?

    /// - Throws: `InferenceRefusal` where the network's values are no numbers.
    init(
        _ result: InferenceResult, to request: InferenceRequest, of model: ServedModel
    ) throws(InferenceRefusal) {
        guard result.values.allSatisfy(\.isFinite) else {
            throw InferenceRefusal(.failed, "the output of \(model.name) holds a value that is no number")
        }
        let binary = request.wantsBinaryOutput
        let form = Form(
            id: request.id, model_name: model.name,
            outputs: [
                .init(
                    shape: [request.images, model.outputCount],
                    parameters: binary ? .init(binary_data_size: 4 * result.values.count) : nil,
                    data: binary ? nil : result.values)
            ],
            parameters: .init(
                operating_point: result.operatingPoint, latency_milliseconds: result.latencyMilliseconds))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var bytes = (try? encoder.encode(form)).map(Array.init) else {
            throw InferenceRefusal(.failed, "the answer cannot be written as JSON")
        }
        headerLength = binary ? bytes.count : nil
        if binary {
            for value in result.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += Array($0) } }
        }
        body = bytes
    }

    /// Names as the protocol spells them.
    private struct Form: Encodable {
        struct Parameters: Encodable {
            var operating_point: Int
            var latency_milliseconds: Double
        }
        struct Output: Encodable {
            struct Parameters: Encodable { var binary_data_size: Int }
            var name = ModelOutput.name
            var datatype = ModelOutput.datatype
            var shape: [Int]
            var parameters: Parameters?
            var data: [Float]?
        }
        var id: String?
        var model_name: String
        var model_version = ServedModel.version
        var outputs: [Output]
        var parameters: Parameters
    }
}
