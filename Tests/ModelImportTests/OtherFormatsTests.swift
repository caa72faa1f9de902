import Foundation
import Testing

@testable import ModelImport

@Suite struct OtherFormatsTests {
    @Test func namesTellFormats() {
        #expect(OtherFormats.refusal(of: "a/b.c/N.TFLite")?.reason.contains("a TensorFlow Lite network") == true)
        for path in ["n.onnx", "n.pth", "n.pt", "n.safetensors", "tflite", "a.tflite/n", ""] {
            #expect(OtherFormats.refusal(of: path) == nil, "\(path)")
        }
    }

    /// PyTorch checkpoints are called .bin too.
    @Test(arguments: ["small.zip.pth", "small.stream.pth"]) func checkpointsAreNoOtherFormat(name: String) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID()).bin").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path()
        try FileManager.default.copyItem(atPath: source, toPath: path)
        #expect(OtherFormats.refusal(of: path) == nil)
        try Data([1, 2, 3]).write(to: URL(filePath: path))
        #expect(OtherFormats.refusal(of: path)?.reason.contains("OpenVINO") == true)
    }
}
