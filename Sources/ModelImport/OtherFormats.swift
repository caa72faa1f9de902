import Foundation

/// Formats of networks that are not read, by the names that their files usually have.
public enum OtherFormats {
    private static let names = [
        "tflite": "a TensorFlow Lite network", "pb": "a TensorFlow graph", "xml": "an OpenVINO network",
        "bin": "the weights of an OpenVINO or ncnn network", "h5": "a Keras network", "hdf5": "a Keras network",
        "keras": "a Keras network", "mlmodel": "a Core ML network", "mlpackage": "a Core ML network",
        "caffemodel": "a Caffe network", "prototxt": "a Caffe network", "engine": "a TensorRT engine",
        "trt": "a TensorRT engine", "plan": "a TensorRT engine", "param": "an ncnn network", "mnn": "an MNN network",
        "ort": "a network in ONNX Runtime's own format", "pdmodel": "a PaddlePaddle network",
        "pdiparams": "the weights of a PaddlePaddle network", "weights": "the weights of a Darknet network",
    ]

    /// Why a file cannot be imported; `nil` where its name does not say so.
    public static func refusal(of path: String) -> CheckpointFailure? {
        let parts = path.split(separator: "/").last?.split(separator: ".") ?? []
        guard parts.count > 1, let ending = parts.last?.lowercased(), let name = names[ending] else { return nil }
        // PyTorch checkpoints are called .bin too; they are zip files or begin with a pickle's first byte.
        if ending == "bin", let start = try? FileHandle(forReadingAtPath: path)?.read(upToCount: 2),
            start.first == PickleOpcode.proto.rawValue || start.elementsEqual([0x50, 0x4B])
        {
            return nil
        }
        return CheckpointFailure(
            file: path,
            reason: ending == "weights"
                ? "is \(name); give its .cfg" : "is \(name), which is not read; export it to ONNX")
    }
}
