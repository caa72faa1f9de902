/// The JSON of a request as it stands there, before the model is asked whether it can take it.
struct RequestForm {
    /// Inputs and outputs that a request may name.
    static let tensorLimit = 8
    private static let sensorPrefix = "sensor:"
    /// Clients say nothing as null.
    private static let optionalKeys: Set = ["id", "model_name", "model_version", "parameters", "outputs"]
    /// Of extensions of the protocol: to leave these alone would answer something else than was asked.
    private static let refusedParameters: Set = [
        "classification", "shared_memory_region", "shared_memory_byte_size", "shared_memory_offset",
    ]

    private(set) var bytes: [UInt8]
    private(set) var id: String?
    /// What KServe's client says again beside the path.
    private(set) var modelName: String?
    private(set) var modelVersion: String?
    private(set) var inputs: [InputForm] = []
    private(set) var timeoutMicroseconds: Int?
    private(set) var wantsBinaryOutput = false
    private(set) var sensors: [String: Double] = [:]

    init(_ bytes: [UInt8]) throws(InferenceRefusal) {
        var reader = JSONReader(bytes)
        var form = Self(empty: bytes)
        try reader.object { (reader, key) throws(InferenceRefusal) in
            if Self.optionalKeys.contains(key), reader.null() { return }
            switch key {
            case "id": form.id = try reader.string()
            case "model_name": form.modelName = try reader.string()
            case "model_version": form.modelVersion = try reader.string()
            case "parameters": try form.readParameters(&reader)
            case "inputs": try form.readInputs(&reader)
            case "outputs": try form.readOutputs(&reader)
            default: throw InferenceRefusal(.malformed, "\(key.debugDescription) is no part of a request")
            }
        }
        try reader.expectEnd()
        self = form
    }

    private init(empty bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: where the body names another model than the path, which would be answered for the wrong one.
    func checkModel(_ model: ServedModel) throws(InferenceRefusal) {
        if let modelName, modelName != model.name {
            throw InferenceRefusal(
                .malformed,
                "model_name is \(modelName.debugDescription), the path names \(model.name.debugDescription)")
        }
        if let modelVersion, modelVersion != ServedModel.version {
            throw InferenceRefusal(
                .malformed, "model_version is \(modelVersion.debugDescription), the only one is \(ServedModel.version)")
        }
    }

    /// Parameters that are not known are left alone, as the protocol asks, but for what is meant as a sensor.
    private mutating func readParameters(_ reader: inout JSONReader) throws(InferenceRefusal) {
        var (timeout, binary, sensors) = (timeoutMicroseconds, wantsBinaryOutput, self.sensors)
        try reader.object { (reader, key) throws(InferenceRefusal) in
            switch key {
            case "timeout":
                let value = try reader.integer()
                guard value >= 0 else { throw InferenceRefusal(.malformed, "timeout is \(value) microseconds") }
                // Triton's clients say 0 where they set none.
                timeout = value > 0 ? value : nil
            case "binary_data_output": binary = try reader.boolean()
            case _ where key.hasPrefix(Self.sensorPrefix) && key != Self.sensorPrefix:
                sensors[String(key.dropFirst(Self.sensorPrefix.count))] = try reader.number()
                guard sensors.count <= InferenceRequest.sensorLimit else {
                    throw InferenceRefusal(.malformed, "more than \(InferenceRequest.sensorLimit) sensors")
                }
            default:
                try Self.refuseSensor(key)
                try reader.skip()
            }
        }
        self.sensors = sensors
        (timeoutMicroseconds, wantsBinaryOutput) = (timeout, binary)
    }

    private mutating func readInputs(_ reader: inout JSONReader) throws(InferenceRefusal) {
        var found: [InputForm] = []
        try reader.array { (reader) throws(InferenceRefusal) in
            let input = try InputForm(&reader)
            guard !found.contains(where: { $0.name == input.name }) else { throw input.refusal("occurs twice") }
            found.append(input)
            try Self.check(found.count, "inputs")
        }
        inputs = found
    }

    private mutating func readOutputs(_ reader: inout JSONReader) throws(InferenceRefusal) {
        var (count, binary) = (0, wantsBinaryOutput)
        try reader.array { (reader) throws(InferenceRefusal) in
            var name = ""
            try reader.object { (reader, key) throws(InferenceRefusal) in
                switch key {
                case "name": name = try reader.string()
                case "parameters":
                    if reader.null() { break }
                    try reader.object { (reader, key) throws(InferenceRefusal) in
                        if key == "binary_data" { binary = try reader.boolean() } else { try Self.skip(key, &reader) }
                    }
                default: throw InferenceRefusal(.malformed, "\(key.debugDescription) is no part of an output")
                }
            }
            guard name == ModelOutput.name else {
                throw InferenceRefusal(
                    .malformed, "there is no output \(name.debugDescription); the only one is \(ModelOutput.name)")
            }
            count += 1
            guard count == 1 else { throw InferenceRefusal(.malformed, "the output \(name) is asked for twice") }
        }
        wantsBinaryOutput = binary
    }

    /// Passes over a parameter that is not known, as the protocol asks.
    static func skip(_ parameter: String, _ reader: inout JSONReader) throws(InferenceRefusal) {
        guard !refusedParameters.contains(parameter) else {
            throw InferenceRefusal(.malformed, "the parameter \(parameter.debugDescription) is not honoured here")
        }
        try refuseSensor(parameter)
        try reader.skip()
    }

    /// A sensor that is passed over leaves gates to what they were told before, and nobody would learn of it.
    private static func refuseSensor(_ parameter: String) throws(InferenceRefusal) {
        guard parameter.lowercased().hasPrefix("sensor") else { return }
        throw InferenceRefusal(
            .malformed,
            "the parameter \(parameter.debugDescription) is not known; each sensor's value is a number among the "
                + "request's own parameters, as in \"parameters\": {\"sensor:lux\": 80}")
    }

    private static func check(_ count: Int, _ what: String) throws(InferenceRefusal) {
        guard count <= tensorLimit else { throw InferenceRefusal(.malformed, "more than \(tensorLimit) \(what)") }
    }
}

/// One input of a request as its JSON has it.
struct InputForm {
    private(set) var name = ""
    private(set) var datatype: String?
    private(set) var shape: [Int]?
    private(set) var binaryBytes: Int?
    /// Where the value of `data` begins: it is read when the shape is known.
    private(set) var dataPlace: Int?

    init(_ reader: inout JSONReader) throws(InferenceRefusal) {
        var form = Self()
        try reader.object { (reader, key) throws(InferenceRefusal) in
            switch key {
            case "name": form.name = try reader.string()
            case "datatype": form.datatype = try reader.string()
            case "shape":
                var shape: [Int] = []
                try reader.array { (reader) throws(InferenceRefusal) in
                    shape.append(try reader.integer())
                    guard shape.count <= 8 else { throw InferenceRefusal(.malformed, "a shape of more than 8 sizes") }
                }
                form.shape = shape
            case "parameters":
                if reader.null() { break }
                try reader.object { (reader, key) throws(InferenceRefusal) in
                    if key == "binary_data_size" {
                        form.binaryBytes = try reader.integer()
                    } else {
                        try RequestForm.skip(key, &reader)
                    }
                }
            case "data":
                _ = reader.peek()
                form.dataPlace = reader.place
                try reader.skip()
            default: throw InferenceRefusal(.malformed, "\(key.debugDescription) is no part of an input")
            }
        }
        self = form
    }

    private init() {}

    func refusal(_ reason: String) -> InferenceRefusal {
        InferenceRefusal(.malformed, "the input \(name.debugDescription) \(reason)")
    }

    /// The input that it is and the sizes of its images.
    func checked(
        for model: ServedModel
    ) throws(InferenceRefusal) -> (input: ModelInput, images: Int, height: Int, width: Int) {
        guard let input = ModelInput(rawValue: name) else {
            let names = ModelInput.allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal("is not one of \(names)")
        }
        guard datatype == input.datatype else {
            throw refusal(
                datatype.map { "has the datatype \($0.debugDescription), expected \(input.datatype)" }
                    ?? "has no datatype, expected \(input.datatype)")
        }
        guard let shape, shape.count == 4 else {
            throw refusal("has the shape \(shape ?? []), expected \(input.shape(channels: model.channels))")
        }
        let (height, width) = (shape[input.axes.height], shape[input.axes.width])
        guard shape[input.axes.channels] == model.channels, height > 0, width > 0, shape[0] > 0 else {
            throw refusal("has the shape \(shape), expected \(input.shape(channels: model.channels))")
        }
        guard shape[0] <= InferenceRequest.batchLimit else {
            throw refusal("has \(shape[0]) images, at most \(InferenceRequest.batchLimit) are taken at once")
        }
        guard height <= InferenceRequest.sideLimit, width <= InferenceRequest.sideLimit else {
            throw refusal("has \(height) x \(width) pixels, at most \(InferenceRequest.sideLimit) a side are taken")
        }
        return (input, shape[0], height, width)
    }

    /// Numbers at the reader's place, flat or nested.
    func floats(in reader: JSONReader, count: Int) throws(InferenceRefusal) -> [Float] {
        try values(in: reader, count: count) { (number) throws(InferenceRefusal) in
            guard Float(number).isFinite else { throw refusal("holds \(number), which no 32-bit float can be") }
            return Float(number)
        }
    }

    func bytes(in reader: JSONReader, count: Int) throws(InferenceRefusal) -> [UInt8] {
        try values(in: reader, count: count) { (number) throws(InferenceRefusal) in
            guard let byte = UInt8(exactly: number) else { throw refusal("holds \(number), which no byte can be") }
            return byte
        }
    }

    /// Never keeps more values than the shape announces, nor takes memory for those that do not come.
    private func values<Value>(
        in reader: JSONReader, count: Int, _ convert: (Double) throws(InferenceRefusal) -> Value
    ) throws(InferenceRefusal) -> [Value] {
        var reader = reader
        var values: [Value] = []
        try collect(&reader, into: &values, shape: (shape ?? [])[...], count: count, convert)
        return values
    }

    /// A list holds either as many lists as the size of its dimension, or all numbers of this dimension and those
    /// within.
    private func collect<Value>(
        _ reader: inout JSONReader, into values: inout [Value], shape: ArraySlice<Int>, count: Int,
        _ convert: (Double) throws(InferenceRefusal) -> Value
    ) throws(InferenceRefusal) {
        var (lists, numbers) = (0, 0)
        try reader.array { (reader) throws(InferenceRefusal) in
            guard reader.peek() == UInt8(ascii: "[") else {
                guard lists == 0 else { throw nestedOtherwise }
                guard numbers < count else { throw refusal("has more than the \(count) values of its shape") }
                numbers += 1
                return values.append(try convert(try reader.number()))
            }
            guard let size = shape.first, shape.count > 1, numbers == 0, lists < size else { throw nestedOtherwise }
            lists += 1
            try collect(&reader, into: &values, shape: shape.dropFirst(), count: count / size, convert)
        }
        guard numbers == count || lists == shape.first else {
            guard lists == 0 else { throw nestedOtherwise }
            throw refusal("has \(values.count) values for the shape \(self.shape ?? []), expected \(count)")
        }
    }

    private var nestedOtherwise: InferenceRefusal {
        refusal("nests its data otherwise than its shape \(shape ?? [])")
    }

    func floats(in bytes: ArraySlice<UInt8>) throws(InferenceRefusal) -> [Float] {
        let values = bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map {
                Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
        guard values.allSatisfy(\.isFinite) else { throw refusal("holds a value that is no number") }
        return values
    }
}
