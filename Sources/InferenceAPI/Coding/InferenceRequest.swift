/// What a client asks of a model: POST v2/models/NAME/infer of the Open Inference Protocol (version 2, REST).
///
/// A request carries exactly one of the inputs that the model's metadata lists. Values are JSON numbers, nested as the
/// shape or flat, or follow the JSON as bytes (the binary tensor data extension). Integers and floats in bytes are
/// little-endian.
public struct InferenceRequest: Equatable, Sendable {
    public enum Pixels: Equatable, Sendable {
        /// `[images, channels, height, width]`, normalised as the network reads it.
        case normalised([Float])
        /// `[images, channels, height, width]`, bytes of a picture.
        case planar([UInt8])
        /// `[images, height, width, channels]`, bytes of a picture as cameras and decoders give them.
        case interleaved([UInt8])
    }

    /// The most images of a request.
    public static let batchLimit = 16
    /// The longest side of an image, in pixels.
    public static let sideLimit = 4_096

    public var id: String?
    public var images: Int
    public var height: Int
    public var width: Int
    public var pixels: Pixels
    /// When the answer is of no use any more, counted from the request's arrival; the `timeout` of Triton's clients.
    public var timeoutMicroseconds: Int?
    /// Whether the outputs are to follow the JSON as bytes.
    public var wantsBinaryOutput: Bool
    /// Values of sensors for hooks that read some, by name: the numbers among the parameters whose names begin with
    /// `sensor:`.
    public var sensors: [String: Double]

    /// The most sensors of a request.
    public static let sensorLimit = 32

    public init(
        id: String? = nil, images: Int, height: Int, width: Int, pixels: Pixels, timeoutMicroseconds: Int? = nil,
        wantsBinaryOutput: Bool = false, sensors: [String: Double] = [:]
    ) {
        self.sensors = sensors
        self.id = id
        self.images = images
        self.height = height
        self.width = width
        self.pixels = pixels
        self.timeoutMicroseconds = timeoutMicroseconds
        self.wantsBinaryOutput = wantsBinaryOutput
    }
}

/// The inputs that every model takes, one of them in a request.
enum ModelInput: String, CaseIterable {
    case image
    case pixels
    case pixelsNHWC = "pixels_nhwc"

    var datatype: String { self == .image ? "FP32" : "UINT8" }
    var valueBytes: Int { self == .image ? 4 : 1 }

    /// Where images, channels, height and width stand in the shape.
    var axes: (channels: Int, height: Int, width: Int) { self == .pixelsNHWC ? (3, 1, 2) : (1, 2, 3) }

    /// Sizes that are the client's choice are -1.
    func shape(channels: Int) -> [Int] {
        self == .pixelsNHWC ? [-1, -1, -1, channels] : [-1, channels, -1, -1]
    }
}

/// The one output of every model.
enum ModelOutput {
    static let name = "logits"
    static let datatype = "FP32"
}

extension InferenceRequest {
    /// - Parameters:
    ///   - body: JSON, and bytes of tensors after it.
    ///   - headerLength: bytes of the JSON where others follow (`Inference-Header-Content-Length`).
    /// - Throws: `InferenceRefusal` naming what is wrong.
    public init(_ body: [UInt8], headerLength: Int?, for model: ServedModel) throws(InferenceRefusal) {
        let length = headerLength ?? body.count
        guard (0...body.count).contains(length) else {
            throw InferenceRefusal(
                .malformed, "Inference-Header-Content-Length is \(length), the body has \(body.count) bytes")
        }
        let form = try RequestForm(length == body.count ? body : Array(body[..<length]))
        try form.checkModel(model)
        guard let tensor = form.inputs.first, form.inputs.count == 1 else {
            let names = ModelInput.allCases.map(\.rawValue).joined(separator: ", ")
            throw InferenceRefusal(.malformed, "the request has \(form.inputs.count) inputs; give one of \(names)")
        }
        let (input, images, height, width) = try tensor.checked(for: model)
        let count = images * height * width * model.channels
        let bytes = body[length...]
        switch (input, tensor.dataPlace, tensor.binaryBytes) {
        case (_, .some, .some): throw tensor.refusal("has both data and binary_data_size")
        case (_, nil, nil): throw tensor.refusal("has no data")
        case (.image, let place?, nil):
            pixels = .normalised(try tensor.floats(in: JSONReader(form.bytes, at: place), count: count))
        case (_, let place?, nil):
            let values = try tensor.bytes(in: JSONReader(form.bytes, at: place), count: count)
            pixels = input == .pixels ? .planar(values) : .interleaved(values)
        case (_, nil, let size?):
            guard size == count * input.valueBytes, bytes.count == size else {
                throw tensor.refusal(
                    "takes \(count * input.valueBytes) bytes, binary_data_size is \(size) and \(bytes.count) follow")
            }
            switch input {
            case .image: pixels = .normalised(try tensor.floats(in: bytes))
            case .pixels: pixels = .planar(Array(bytes))
            case .pixelsNHWC: pixels = .interleaved(Array(bytes))
            }
        }
        guard tensor.binaryBytes != nil || bytes.isEmpty else {
            throw InferenceRefusal(.malformed, "\(bytes.count) bytes follow the JSON, and no input claims them")
        }
        (self.images, self.height, self.width) = (images, height, width)
        (id, timeoutMicroseconds, wantsBinaryOutput) = (form.id, form.timeoutMicroseconds, form.wantsBinaryOutput)
        sensors = form.sensors
    }
}
