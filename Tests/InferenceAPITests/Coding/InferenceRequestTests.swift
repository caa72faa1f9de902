import Foundation
import Testing

@testable import InferenceAPI

@Suite struct InferenceRequestTests {
    private let model = ServedModel(name: "m", channels: 2, outputCount: 3)

    private func decode(_ text: String, then bytes: [UInt8] = [], header: Int? = nil) throws -> InferenceRequest {
        let json = Array(text.utf8)
        return try InferenceRequest(
            json + bytes, headerLength: header ?? (bytes.isEmpty ? nil : json.count), for: model)
    }

    private func refusal(_ text: String, then bytes: [UInt8] = [], header: Int? = nil) -> String? {
        do {
            _ = try decode(text, then: bytes, header: header)
            return nil
        } catch let refusal as InferenceRefusal {
            #expect(refusal.kind == .malformed)
            return refusal.message
        } catch { return "\(error)" }
    }

    @Test func flatAndNestedValuesAreTheSame() throws {
        let expected = InferenceRequest(
            id: "7", images: 1, height: 1, width: 2, pixels: .normalised([1, -2.5, 3, 0.25]), timeoutMicroseconds: 900)
        let head = #"{"id": "7", "parameters": {"timeout": 900, "priority": [1]}, "inputs": [{"name": "image", "#
        let tail = #", "shape": [1, 2, 1, 2], "datatype": "FP32"}]}"#
        #expect(try decode(head + #""data": [1, -2.5, 3.0, 25e-2]"# + tail) == expected)
        #expect(try decode(head + #""data": [[[[1, -2.5]], [[3, 0.25]]]]"# + tail) == expected)
    }

    @Test func parametersMayCarrySensors() throws {
        func request(_ parameters: String) -> String {
            #"{"parameters": {\#(parameters)}, "inputs": [{"name": "image", "shape": [1, 2, 1, 1], "#
                + #""datatype": "FP32", "data": [1, 2]}]}"#
        }
        #expect(try decode(request(#""sensor:lux": 4.5, "sensor:t": -3, "lux": 1"#)).sensors == ["lux": 4.5, "t": -3])
        #expect(try decode(request("")).sensors.isEmpty)
        #expect(refusal(request(#""sensor:t": "warm""#)) != nil)
        let many = (0...InferenceRequest.sensorLimit).map { #""sensor:\#($0)": 1"# }.joined(separator: ",")
        #expect(refusal(request(many))?.contains("more than 32 sensors") == true)
    }

    /// A sensor in another form would be left alone without a word.
    @Test(arguments: [
        #""sensors": {"lux": 80}"#, #""sensor.lux": 80"#, #""sensor": 80"#, #""sensor:": 80"#, #""Sensor:lux": 80"#,
    ])
    func sensorsInAnotherFormAreRefused(parameter: String) throws {
        let input = #"{"name": "pixels", "shape": [1,2,1,1], "datatype": "UINT8", "data": [1, 2]"#
        for text in [
            #"{"parameters": {\#(parameter)}, "inputs": [\#(input)}]}"#,
            #"{"inputs": [\#(input), "parameters": {\#(parameter)}}]}"#,
            #"{"inputs": [\#(input)}], "outputs": [{"name": "logits", "parameters": {\#(parameter)}}]}"#,
            #"{"inputs": [\#(input), "parameters": {"sensor:lux": 80}}]}"#,
        ] {
            #expect(refusal(text)?.contains(#"as in "parameters": {"sensor:lux": 80}"#) == true, "\(text)")
        }
    }

    /// Clients say nothing as null; an extension that is not there is refused, because its answer would be another.
    @Test func nothingIsNullAndExtensionsAreRefused() throws {
        let input = #"{"name": "pixels", "shape": [1,2,1,1], "datatype": "UINT8", "data": [1, 2], "parameters": null}"#
        let request = try decode(#"{"id": null, "parameters": null, "outputs": null, "inputs": [\#(input)]}"#)
        #expect(request.id == nil && request.pixels == .planar([1, 2]))
        for parameter in [#""classification": 2"#, #""shared_memory_region": "r""#, #""shared_memory_byte_size": 8"#] {
            let output = #"{"name": "logits", "parameters": {\#(parameter)}}"#
            let asked = #"{"inputs": [\#(input)], "outputs": [\#(output)]}"#
            #expect(refusal(asked)?.contains("is not honoured here") == true)
        }
        let shared = input.replacingOccurrences(of: "null", with: #"{"shared_memory_region": "r"}"#)
        #expect(refusal(#"{"inputs": [\#(shared)]}"#)?.contains("is not honoured here") == true)
    }

    /// What `InferRequest.to_rest()` of KServe's client makes of images, as JSON and as bytes behind it.
    @Test func requestsOfKServesClientAreTaken() throws {
        let head = #"{"id":"c0ffee","model_name":"m","inputs":[{"name":"image","shape":[1,2,1,1],"datatype":"FP32","#
        let json = try decode(head + #""data":[1.0,-2.0]}]}"#)
        #expect(json.id == "c0ffee" && json.pixels == .normalised([1, -2]))
        let binary = try decode(
            head + #""parameters":{"binary_data_size":8}}],"outputs":[{"name":"logits","#
                + #""parameters":{"binary_data":true}}]}"#, then: [0, 0, 128, 63, 0, 0, 0, 192])
        #expect(binary.id == "c0ffee" && binary.pixels == .normalised([1, -2]) && binary.wantsBinaryOutput)
    }

    /// The path says which model is asked; a body may say the same again.
    @Test func aBodyMayNotNameAnotherModelThanItsPath() {
        func request(_ named: String) -> String {
            #"{\#(named), "inputs": [{"name": "pixels", "shape": [1,2,1,1], "datatype": "UINT8", "data": [1, 2]}]}"#
        }
        for named in [#""model_name": "m", "model_version": "1""#, #""model_name": null, "model_version": null"#] {
            #expect(refusal(request(named)) == nil, "\(named)")
        }
        #expect(refusal(request(#""model_name": "n""#)) == #"model_name is "n", the path names "m""#)
        #expect(refusal(request(#""model_version": "2""#)) == #"model_version is "2", the only one is 1"#)
        for named in [#""model_name": 1"#, #""model_version": 1"#, #""model": "m""#] {
            #expect(refusal(request(named)) != nil, "\(named)")
        }
    }

    @Test func bytesAreTakenInBothLayouts() throws {
        let planar = #"{"inputs": [{"name": "pixels", "shape": [1,2,1,2], "datatype": "UINT8", "data": [0,255,7,8]}]}"#
        #expect(try decode(planar).pixels == .planar([0, 255, 7, 8]))
        let interleaved = planar.replacingOccurrences(of: "pixels", with: "pixels_nhwc")
            .replacingOccurrences(of: "[1,2,1,2]", with: "[1,1,2,2]")
        let request = try decode(interleaved)
        #expect(request.pixels == .interleaved([0, 255, 7, 8]) && request.height == 1 && request.width == 2)
    }

    @Test func binaryTensorsFollowTheJSON() throws {
        let json =
            #"{"inputs": [{"name": "image", "shape": [1,2,1,1], "datatype": "FP32", "parameters": "#
            + #"{"binary_data_size": 8}}], "outputs": [{"name": "logits", "parameters": {"binary_data": true}}]}"#
        let request = try decode(json, then: [0, 0, 128, 63, 0, 0, 0, 192])
        #expect(request.pixels == .normalised([1, -2]) && request.wantsBinaryOutput)

        #expect(refusal(json, then: [0, 0, 128, 63])?.contains("binary_data_size is 8 and 4 follow") == true)
        #expect(refusal(json)?.contains("0 follow") == true)
        #expect(refusal(json, then: [0, 0, 128, 63, 0, 0, 192, 127])?.contains("no number") == true, "NaN")
        #expect(refusal(json, then: [0, 0, 128, 63, 0, 0, 128, 127])?.contains("no number") == true, "infinity")
        #expect(refusal(json, header: 100_000)?.contains("the body has") == true)
        #expect(refusal(json, header: -1)?.contains("the body has") == true)
        let unclaimed = #"{"inputs": [{"name": "pixels", "shape": [1,2,1,1], "datatype": "UINT8", "data": [1,2]}]}"#
        #expect(refusal(unclaimed, then: [1])?.contains("no input claims") == true)
    }

    @Test func whatIsWrongWithAnInputIsNamed() {
        func input(
            name: String = "\"pixels\"", shape: String = "[1,2,1,1]", datatype: String = "\"UINT8\"",
            rest: String = #", "data": [1, 2]"#
        ) -> String { #"{"inputs": [{"name": \#(name), "shape": \#(shape), "datatype": \#(datatype)\#(rest)}]}"# }

        #expect(refusal(input()) == nil)
        #expect(refusal(input(name: "\"images\""))?.contains("is not one of image, pixels, pixels_nhwc") == true)
        #expect(refusal(input(datatype: "\"FP32\""))?.contains("expected UINT8") == true)
        #expect(refusal(input(datatype: "8"))?.contains("not JSON that can be read") == true)
        for shape in ["[1,3,1,1]", "[1,2,1]", "[]", "[0,2,1,1]", "[-1,2,1,1]", "[1,2,0,1]", "[1,2,1,-1]"] {
            #expect(refusal(input(shape: shape))?.contains("expected [-1, 2, -1, -1]") == true, "\(shape)")
        }
        #expect(refusal(input(shape: "[17,2,1,1]"))?.contains("at most 16 are taken") == true)
        #expect(refusal(input(shape: "[1,2,4097,1]"))?.contains("at most 4096 a side") == true)
        #expect(refusal(input(shape: "[1,2,1,9223372036854775807]"))?.contains("at most 4096 a side") == true)
        #expect(refusal(input(shape: "[1,2,1,1.5]")) != nil && refusal(input(shape: "[1e2,2,1,1]")) != nil)
        #expect(refusal(input(shape: "[1,1,1,1,1,1,1,1,1]"))?.contains("more than 8") == true)
        #expect(refusal(input(rest: #", "data": [1]"#))?.contains("has 1 values") == true)
        #expect(refusal(input(rest: #", "data": [1,2,3]"#))?.contains("has more than the 2") == true)
        #expect(refusal(input(rest: #", "data": [1,256]"#))?.contains("no byte") == true)
        #expect(refusal(input(rest: #", "data": [1,-1]"#))?.contains("no byte") == true)
        #expect(refusal(input(rest: #", "data": [1,0.5]"#))?.contains("no byte") == true)
        #expect(refusal(input(rest: #", "data": [1,NaN]"#))?.contains("not JSON") == true)
        #expect(refusal(input(rest: #", "data": [1,"2"]"#))?.contains("not JSON") == true)
        #expect(refusal(input(rest: #", "data": 1"#))?.contains("not JSON") == true)
        #expect(refusal(input(rest: ""))?.contains("has no data") == true)
        #expect(refusal(input(rest: #", "dat": [1,2]"#))?.contains("\"dat\" is no part of an input") == true)
        #expect(
            refusal(input(rest: #", "data": [1,2], "parameters": {"binary_data_size": 2}"#))?.contains("both") == true)
        let float = input(name: "\"image\"", datatype: "\"FP32\"", rest: #", "data": [1, 1e39]"#)
        #expect(refusal(float)?.contains("no 32-bit float") == true)
    }

    @Test func dataIsFlatOrNestedAsItsShape() {
        func input(_ data: String) -> String {
            #"{"inputs": [{"name": "pixels", "shape": [2,2,1,3], "datatype": "UINT8", "data": \#(data)}]}"#
        }
        let right = [
            "[1,2,3,4,5,6,7,8,9,10,11,12]", "[[1,2,3,4,5,6],[7,8,9,10,11,12]]",
            "[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]", "[[[[1,2,3]],[[4,5,6]]],[[[7,8,9]],[[10,11,12]]]]",
            "[[[[1,2,3]],[4,5,6]],[7,8,9,10,11,12]]",
        ]
        for data in right { #expect(refusal(input(data)) == nil, "\(data)") }
        let wrong = [
            "[[1,2,3,4],[5,6,7,8],[9,10,11,12]]", "[[1,2,3,4,5,6,7],[8,9,10,11,12]]",
            "[[[1,2],[3,4],[5,6]],[[7,8],[9,10],[11,12]]]", "[[1,2,3,4,5,6],7,8,9,10,11,12]",
            "[1,2,3,4,5,6,[7,8,9,10,11,12]]", "[[[[[1],[2],[3]]],[[4,5,6]]],[7,8,9,10,11,12]]",
            "[[1,2,3,4,5,6]]", "[[],[]]", "[]", "[[1,2,3,4,5,6],[7,8,9,10,11,12],[]]",
        ]
        for data in wrong { #expect(refusal(input(data)) != nil, "\(data)") }
    }

    @Test func whatIsWrongWithTheRequestIsNamed() {
        let input = #"{"name": "pixels", "shape": [1,2,1,1], "datatype": "UINT8", "data": [1, 2]}"#
        let other = input.replacingOccurrences(of: "pixels", with: "pixels_nhwc")
        #expect(refusal("") != nil && refusal("null") != nil && refusal("[]") != nil)
        #expect(refusal("{}")?.contains("has 0 inputs; give one of image, pixels, pixels_nhwc") == true)
        #expect(refusal(#"{"inputs": [\#(input), \#(input)]}"#)?.contains("\"pixels\" occurs twice") == true)
        #expect(refusal(#"{"inputs": [\#(input), \#(other)]}"#)?.contains("has 2 inputs") == true)
        #expect(refusal(#"{"inputs": [\#(input)], "inputs": []}"#)?.contains("occurs twice") == true)
        #expect(refusal(#"{"inputs": [\#(input)]} x"#)?.contains("something follows the end") == true)
        #expect(refusal(#"{"inputs": [\#(input)], "x": 1}"#)?.contains("\"x\" is no part of a request") == true)
        #expect(refusal(#"{"inputs": [\#(input)], "parameters": {"timeout": -1}}"#)?.contains("timeout") == true)
        #expect(refusal(#"{"inputs": [\#(input)], "parameters": {"timeout": 0}}"#) == nil)
        #expect(refusal(#"{"inputs": [\#(input)], "outputs": [{"name": "y"}]}"#)?.contains("no output \"y\"") == true)
        let twice = #"{"inputs": [\#(input)], "outputs": [{"name": "logits"}, {"name": "logits"}]}"#
        #expect(refusal(twice)?.contains("asked for twice") == true)
        #expect(refusal(#"{"inputs": [\#(input)], "outputs": [{"name": "logits"}]}"#) == nil)
    }

    @Test func damagedRequestsAreHandled() throws {
        let values = (0..<50).map(String.init).joined(separator: ",")
        let json = Array(
            (#"{"id": "aé", "parameters": {"timeout": 5, "x": {"y": [null]}}, "inputs": [{"name": "pixels", "#
                + #""shape": [1,2,5,5], "datatype": "UINT8", "data": [\#(values)]}], "outputs": [{"name": "logits"}]}"#)
                .utf8)
        _ = try InferenceRequest(json, headerLength: nil, for: model)
        for end in json.indices {
            #expect(throws: InferenceRefusal.self) {
                _ = try InferenceRequest(Array(json[..<end]), headerLength: nil, for: model)
            }
        }
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = Xorshift(state: seed | 1)
        for _ in 0..<20_000 {
            var bytes = json
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(Array(#"{}[],:"e-19"#.utf8).randomElement(using: &generator) ?? 0, at: place)
                default: bytes.remove(at: place)
                }
            }
            let length = Bool.random(using: &generator) ? nil : Int.random(in: -5...500, using: &generator)
            guard let request = try? InferenceRequest(bytes, headerLength: length, for: model) else { continue }
            #expect((1...16).contains(request.images) && request.height > 0 && request.width > 0, "seed \(seed)")
        }
    }
}

private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
