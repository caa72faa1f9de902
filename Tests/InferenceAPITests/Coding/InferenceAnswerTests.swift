import Foundation
import Testing

@testable import InferenceAPI

@Suite struct InferenceAnswerTests {
    private let model = ServedModel(name: "m", channels: 1, outputCount: 2)
    private let result = InferenceResult(values: [0.1, -2], operatingPoint: 3, latencyMilliseconds: 1.5)

    private func request(binary: Bool) -> InferenceRequest {
        InferenceRequest(
            id: "a", images: 1, height: 1, width: 1, pixels: .planar([0]), wantsBinaryOutput: binary)
    }

    @Test func valuesAreNumbersInJSON() throws {
        let answer = try InferenceAnswer(result, to: request(binary: false), of: model)
        #expect(answer.headerLength == nil)
        #expect(
            String(decoding: answer.body, as: UTF8.self)
                == #"{"id":"a","model_name":"m","model_version":"1","outputs":[{"data":[0.1,-2],"datatype":"FP32","#
                + #""name":"logits","shape":[1,2]}],"parameters":{"latency_milliseconds":1.5,"operating_point":3}}"#)
    }

    @Test func valuesAreBytesWhereAsked() throws {
        let answer = try InferenceAnswer(result, to: request(binary: true), of: model)
        let length = try #require(answer.headerLength)
        #expect(answer.body[length...].elementsEqual([205, 204, 204, 61, 0, 0, 0, 192]))
        let text = String(decoding: answer.body[..<length], as: UTF8.self)
        #expect(text.contains(#""parameters":{"binary_data_size":8}"#) && !text.contains("data\":["))
    }

    @Test func whatIsNoNumberIsNotWritten() {
        let broken = InferenceResult(values: [.nan, 1], operatingPoint: 0, latencyMilliseconds: 1)
        let refusal = #expect(throws: InferenceRefusal.self) {
            try InferenceAnswer(broken, to: request(binary: true), of: model)
        }
        #expect(refusal?.kind == .failed)
    }
}
