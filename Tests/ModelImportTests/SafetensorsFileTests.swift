import Engine
import Packages
import Testing

@testable import ModelImport

@Suite struct SafetensorsFileTests {
    private let header = """
        {"__metadata__":{"a":"b"},"y":{"dtype":"F32","shape":[],"data_offsets":[8,12]},\
        "x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}
        """

    @Test func readsFloats() throws {
        let tensors = try SafetensorsFile.parse(file(header, [1, 2, 3]))
        #expect(
            tensors == [
                "x": Tensor(shape: [2, 1], values: [1, 2]), "y": Tensor(shape: [], values: [3]),
                "e": Tensor(shape: [0], values: []),
            ])
    }

    @Test func readsTheGoldenFile() throws {
        let tensors = try SafetensorsFile.read(from: Fixture.example("golden.safetensors"))
        #expect(tensors["max/logits"]?.shape == [16, 10])
        #expect(tensors.values.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }

    @Test func everyTruncationIsRefused() {
        let bytes = file(header, [1, 2, 3])
        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self, "\(count) bytes") { try SafetensorsFile.parse(Array(bytes[..<count])) }
        }
    }

    @Test(arguments: [
        (#"{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#, "has type F16; only F32 is read"),
        (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "offsets [4, 8] are not [0, 4]"),
        (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "offsets [0] are not [0, 4]"),
        (#"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "the shape is not valid"),
        (#"{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, "shape"),
        (#"{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}"#, "needs 4000000 bytes"),
        (#"{}"#, "4 bytes belong to no tensor"), (#"[1]"#, "the header is not the JSON"),
        (#"{"x":{"dtype":"F32"}}"#, "the header is not the JSON"),
    ])
    func badHeadersAreRefused(header: String, reason: String) throws {
        let failure = try #require(throws: ReadingFailure.self) { try SafetensorsFile.parse(file(header, [1])) }
        #expect(failure.reason.hasPrefix(reason))
    }

    @Test func hugeHeaderSizeIsRefused() {
        for size: UInt64 in [100_000_001, .max, 1 << 62, 99] {
            var bytes: [UInt8] = []
            bytes.append(littleEndian: size)
            #expect(throws: ReadingFailure.self) { try SafetensorsFile.parse(bytes + [0x7B, 0x7D]) }
        }
    }

    private func file(_ header: String, _ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        bytes += header.utf8
        bytes.append(floats: values)
        return bytes
    }
}
