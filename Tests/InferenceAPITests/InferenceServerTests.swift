import Foundation
import HTTPServing
import Hummingbird
import Synchronization
import ServingHarness
import Testing

@testable import InferenceAPI

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The endpoint over real HTTP, with a model in memory.
@Suite struct InferenceServerTests {
    /// Answers each image with its first byte and the number of images.
    private final class Twin: ModelServing {
        let isReady: Bool
        init(isReady: Bool) { self.isReady = isReady }

        var models: [ServedModel]? { isReady ? [ServedModel(name: "m", channels: 1, outputCount: 2)] : nil }

        func infer(
            _ request: InferenceRequest, on model: ServedModel
        ) async throws(InferenceRefusal) -> InferenceResult {
            guard case .planar(let bytes) = request.pixels else {
                throw InferenceRefusal(.unavailable, "16 requests are waiting already")
            }
            let size = request.height * request.width
            let values = (0..<request.images).flatMap { [Float(bytes[$0 * size]), Float(request.images)] }
            return InferenceResult(values: values, operatingPoint: 1, latencyMilliseconds: 2)
        }
    }

    private struct Answer {
        var status: Int
        var object: [String: Any]
        var headers: [AnyHashable: Any]
        var body: Data
        var error: String? { object["error"] as? String }
    }

    private func serving(ready: Bool = true, _ body: @Sendable @escaping (URL) async throws -> Void) async throws {
        let server = InferenceServer(Twin(isReady: ready), version: "9")
        try await ServingHarness.serving(
            { server.application(at: .hostname("127.0.0.1", port: 0), onBound: $0) }, body)
    }

    private func ask(
        _ url: URL, _ path: String, post: Data? = nil, headers: [String: String] = [:], method: String? = nil
    ) async throws -> Answer {
        var request = URLRequest(url: url.appending(path: path))
        request.httpMethod = method ?? (post == nil ? "GET" : "POST")
        request.httpBody = post
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
        return Answer(status: http.statusCode, object: object ?? [:], headers: http.allHeaderFields, body: data)
    }

    private static let input =
        #"{"inputs": [{"name": "pixels", "shape": [2,1,1,2], "datatype": "UINT8", "data": [5,6,7,8]}]}"#

    @Test func metadataFollowTheProtocol() async throws {
        try await serving { url in
            let server = try await ask(url, "v2")
            #expect(server.object["name"] as? String == "shoal" && server.object["version"] as? String == "9")
            #expect(server.object["extensions"] as? [String] == ["binary_tensor_data"])
            #expect(try await ask(url, "v2/health/live").status == 200)
            #expect(try await ask(url, "v2/health/ready").object["ready"] as? Bool == true)
            for path in ["v2/models/m", "v2/models/m/versions/1"] {
                let model = try await ask(url, path)
                #expect(model.object["name"] as? String == "m" && model.object["versions"] as? [String] == ["1"])
                let inputs = model.object["inputs"] as? [[String: Any]]
                #expect(inputs?.map { $0["name"] as? String } == ["image"])
                #expect(inputs?.last?["shape"] as? [Int] == [-1, 1, -1, -1])
                #expect(try await ask(url, path + "/ready").status == 200)
            }
        }
    }

    @Test func imagesAreInferred() async throws {
        try await serving { url in
            for path in ["v2/models/m/infer", "v2/models/m/versions/1/infer"] {
                let answer = try await ask(url, path, post: Data(Self.input.utf8))
                let outputs = answer.object["outputs"] as? [[String: Any]]
                #expect(answer.status == 200, "\(answer.object)")
                #expect(outputs?.first?["data"] as? [Double] == [5, 2, 7, 2])
                #expect(outputs?.first?["shape"] as? [Int] == [2, 2])
                let parameters = answer.object["parameters"] as? [String: Any]
                #expect(parameters?["operating_point"] as? Int == 1)
                #expect(parameters?["latency_milliseconds"] as? Double == 2)
            }
            let json = Data(
                (#"{"parameters": {"binary_data_output": true}, "inputs": [{"name": "pixels", "shape": [1,1,1,2], "#
                    + #""datatype": "UINT8", "parameters": {"binary_data_size": 2}}]}"#).utf8)
            let binary = try await ask(
                url, "v2/models/m/infer", post: json + Data([9, 1]),
                headers: ["Inference-Header-Content-Length": String(json.count)])
            #expect(binary.status == 200)
            let length = (binary.headers["Inference-Header-Content-Length"] as? String).flatMap(Int.init)
            #expect(binary.body.dropFirst(length ?? 0).elementsEqual([0, 0, 16, 65, 0, 0, 128, 63]))
        }
    }

    @Test func refusalsHaveTheirStatus() async throws {
        try await serving { url in
            let path = "v2/models/m/infer"
            #expect(try await ask(url, path, post: Data("{".utf8)).status == 400)
            #expect(try await ask(url, "v2/models/x/infer", post: Data(Self.input.utf8)).status == 404)
            #expect(try await ask(url, "v2/models/x").error == "there is no model \"x\"")
            #expect(try await ask(url, "v2/models/m/versions/2").error == "m has no version \"2\"")
            #expect(try await ask(url, "v2/nothing").status == 404)
            #expect(try await ask(url, "v2/nothing").error == "/v2/nothing: no such path")
            let large = try await ask(url, path, post: Data(count: InferenceServer.limits.bodyBytes + 1))
            #expect(large.status == 413 && large.error == "the body is larger than 8388608 bytes")
            let overloaded = #"{"inputs": [{"name": "image", "shape": [1,1,1,1], "datatype": "FP32", "data": [1]}]}"#
            #expect(try await ask(url, path, post: Data(overloaded.utf8)).status == 503)
            for length in ["-1", "x", "99999999999999999999"] {
                let answer = try await ask(
                    url, path, post: Data(Self.input.utf8), headers: ["Inference-Header-Content-Length": length])
                #expect(answer.status == 400 && answer.error == "Inference-Header-Content-Length is no size")
            }
            let packed = try await ask(
                url, path, post: Data(Self.input.utf8), headers: ["Content-Encoding": "gzip"])
            #expect(packed.status == 400)
        }
    }

    @Test func anotherMethodIsToldWhichIsTaken() async throws {
        try await serving { url in
            for (path, method, allowed) in [
                ("v2/models/m/infer", "GET", "POST"), ("v2/models/m/versions/1/infer", "DELETE", "POST"),
                ("v2/models/m", "POST", "GET"), ("v2", "PUT", "GET"), ("v2/health/ready", "PATCH", "GET"),
            ] {
                let answer = try await ask(url, path, method: method)
                #expect(answer.status == 405 && answer.error == "/\(path): takes \(allowed)", "\(method) \(path)")
                #expect(answer.headers["Allow"] as? String == (allowed == "GET" ? "GET, HEAD" : allowed))
            }
            #expect(try await ask(url, "v2/models/m/infer/more", method: "POST").status == 404)
        }
    }

    @Test func aHeadIsAnsweredAsAGet() async throws {
        try await serving { url in
            for path in ["v2", "v2/health/ready", "v2/models/m", "v2/models/m/ready"] {
                let answer = try await ask(url, path, method: "HEAD")
                #expect(answer.status == 200 && answer.body.isEmpty, "\(path)")
            }
            #expect(try await ask(url, "v2/models/x", method: "HEAD").status == 404)
            #expect(try await ask(url, "v2/models/m/infer", method: "HEAD").status == 405)
        }
    }

    @Test func untilTheModelsAreLoadedNothingIsReady() async throws {
        try await serving(ready: false) { url in
            #expect(try await ask(url, "v2/health/live").status == 200)
            #expect(try await ask(url, "v2/health/ready").status == 503)
            let answer = try await ask(url, "v2/models/m/infer", post: Data(Self.input.utf8))
            #expect(answer.status == 503 && answer.error == "the models are still being loaded")
        }
    }
}
