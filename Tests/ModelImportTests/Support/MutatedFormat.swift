import Foundation
import Graphs
import SearchSpace
import Testing

@testable import Packages
@testable import Engine
@testable import ModelImport
@testable import NetworkParts
@testable import Supernets

/// A format of files that come from outside: samples of it, and the reader that damaged ones are given to.
struct MutatedFormat: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }
    /// What reading may take at most, in bytes: `multiple` for each byte of the file, and `base`.
    let multiple: Int
    let base: Int
    let samples: @Sendable () throws -> [[UInt8]]
    /// Whether the first sample is read as it is.
    var isRead = true
    /// Puts a damaged sample where checksums would hide it otherwise; not measured.
    var wrap: @Sendable ([UInt8]) throws -> [UInt8] = { $0 }
    let read: @Sendable ([UInt8]) throws -> Void

    static let all = imported + packages
}

// MARK: Formats of others

extension MutatedFormat {
    private static let imported = [
        MutatedFormat(name: "onnx", multiple: 32, base: 1 << 16, samples: { try models() + [chain()] }) {
            _ = try ONNXImporter.parse($0)
        },
        MutatedFormat(name: "onnx-bound", multiple: 32, base: 1 << 26, samples: { try models() + [chain()] }) {
            _ = try BoundGraph(try ONNXImporter.parse($0), sizes: .init(others: 2))
        },
        // Whatever was bound is planned and run, if it is small.
        MutatedFormat(name: "onnx-run", multiple: 64, base: 1 << 28, samples: { try [blocks()] + models() }) {
            try run(try BoundGraph(try ONNXImporter.parse($0), sizes: .init(others: 2)))
        },
        MutatedFormat(
            name: "pytorch-zip", multiple: 32, base: 1 << 16,
            samples: { [try Fixture.bytes(Fixture.path("small.zip.pth"))] }
        ) { _ = try PyTorchCheckpoint.parse($0) },
        MutatedFormat(
            name: "pytorch-zip-pickle", multiple: 32, base: 1 << 16,
            samples: { [PickleWriter.stateDictionary([tensor, .counter("n", key: "1")]), manyTensors] },
            wrap: { ZipWriter.checkpoint([tensor, .counter("n", key: "1")], pickle: $0).bytes() }
        ) { _ = try PyTorchCheckpoint.parse($0) },
        MutatedFormat(
            name: "pytorch-stream", multiple: 32, base: 1 << 16,
            samples: { [try Fixture.bytes(Fixture.path("small.stream.pth"))] }
        ) { _ = try PyTorchCheckpoint.parse($0) },
        MutatedFormat(
            name: "safetensors", multiple: 32, base: 1 << 16, samples: { [safetensors(2), safetensors(100)] }
        ) {
            _ = try SafetensorsFile.parse($0)
        },
        MutatedFormat(name: "darknet", multiple: 64, base: 1 << 16, samples: { [darknet(1), darknet(100)] }) { bytes in
            let end = bytes.firstIndex(of: 0) ?? bytes.count
            _ = try DarknetImporter.graph(
                try DarknetConfiguration(Array(bytes[..<end])),
                try DarknetWeights(Array(bytes[min(end + 1, bytes.count)...])))
        },
    ]

    private static let tensor = WrittenTensor("w", [4, 4], (0..<16).map(Float.init))

    /// Three networks and a file of the fixtures.
    @Sendable static func models() throws -> [[UInt8]] {
        var shapes = ModelWriter()
        shapes.input("x", [-1, 3, 8, 8])
        shapes.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])
        shapes.integers("starts", [1])
        shapes.integers("ends", [9])
        shapes.integers("axes", [2])
        shapes.integers("repeats", [1, 2, 1, 1])
        shapes.node("Pad", ["x", "pads"], ["p"])
        shapes.node("Slice", ["p", "starts", "ends", "axes"], ["s"])
        shapes.node("Tile", ["s", "repeats"], ["t"])
        shapes.node("Shape", ["t"], ["h"])
        shapes.node("ConstantOfShape", ["h"], ["z"])
        shapes.node("Transpose", ["z"], ["q"], ints: ["perm": [0, 2, 3, 1]])
        shapes.node("MaxPool", ["t"], ["m"], ints: ["kernel_shape": [2, 2], "strides": [2, 2]])
        shapes.node("Reshape", ["m", "h"], ["r"])
        shapes.output("q")
        shapes.output("m")
        return [
            try ModelWriter.convolution().bytes(), try shapes.bytes(), try Fixture.bytes(Fixture.path("small.onnx")),
            try integers(),
        ]
    }

    /// Rounding per channel and in blocks, pools, and a Transpose of what the input's values choose.
    private static func integers() throws -> [UInt8] {
        var writer = ModelWriter(opset: 21)
        writer.input("x", [1, 4, 6, 6])
        writer.weights("s", [4], [0.5, 0.25, 1, 2])
        writer.bytes("z", [4], [0, 1, 2, 128])
        writer.weights("v", [1, 2, 6, 6], (0..<72).map { Float($0 % 5 + 1) / 4 })
        writer.node("QuantizeLinear", ["x", "s", "z"], ["q"], int: ["axis": 1])
        writer.node("DequantizeLinear", ["q", "s", "z"], ["d"], int: ["axis": 1])
        writer.node("QuantizeLinear", ["d", "v"], ["b"], int: ["axis": 1, "block_size": 2])
        writer.node("DequantizeLinear", ["b", "v"], ["f"], int: ["axis": 1, "block_size": 2])
        writer.node("AveragePool", ["f"], ["a"], ints: ["kernel_shape": [2, 2]])
        writer.node("LpPool", ["a"], ["l"], ints: ["kernel_shape": [2, 2]], int: ["p": 2])
        writer.node("NonZero", ["l"], ["n"])
        writer.node("Transpose", ["n"], ["t"], ints: ["perm": [0, 1]])
        writer.output("l")
        writer.output("t")
        return try writer.bytes()
    }

    private static func run(_ bound: BoundGraph) throws {
        let values = bound.types.values.reduce(0) { $0 + min($1.count, 1 << 24) }
        guard values <= 1 << 20, bound.flops <= 1 << 27 else { return }
        let network = try HybridNetwork(bound, kernels: KernelSet(.fastest))
        var inputs: [String: TensorValue] = [:]
        for input in bound.graph.inputs {
            guard let type = bound.types[input.name], type.element == .float32 else { return }
            inputs[input.name] = TensorValue(shape: type.shape, .float32([Float](repeating: 1, count: type.count)))
        }
        _ = try HybridSession(network).run(inputs)
    }

    /// What kernels compute, joined and cut in various ways.
    private static func blocks() throws -> [UInt8] {
        var writer = ModelWriter()
        writer.input("x", [1, 4, 8, 8])
        writer.weights("w", [8, 4, 3, 3], (0..<288).map { Float($0 % 7) - 3 })
        writer.weights("d", [8, 1, 3, 3], (0..<72).map { Float($0 % 5) - 2 })
        writer.weights("b", [8], (0..<8).map { Float($0) })
        writer.integers("starts", [0, 0])
        writer.integers("ends", [99, 99])
        writer.integers("axes", [2, 3])
        writer.integers("steps", [2, 2])
        writer.node("Conv", ["x", "w", "b"], ["c"], ints: ["kernel_shape": [3, 3], "pads": [1, 1, 1, 1]])
        writer.node("Relu", ["c"], ["r"])
        writer.node(
            "Conv", ["r", "d"], ["e"], ints: ["kernel_shape": [3, 3], "pads": [1, 1, 1, 1]], int: ["group": 8])
        writer.node("GlobalAveragePool", ["e"], ["g"])
        writer.node("Sigmoid", ["g"], ["f"])
        writer.node("Mul", ["e", "f"], ["s"])
        writer.node("Add", ["s", "r"], ["a"])
        writer.node("Slice", ["a", "starts", "ends", "axes", "steps"], ["h"])
        writer.node(
            "MaxPool", ["a"], ["m"], ints: ["kernel_shape": [3, 3], "strides": [2, 2]],
            int: ["ceil_mode": 1])
        writer.node("Concat", ["h", "m"], ["k"], int: ["axis": 1])
        writer.node("Neg", ["k"], ["n"])
        writer.node("Mul", ["n", "k"], ["y"])
        writer.output("y")
        return try writer.bytes()
    }

    /// A network long enough for what a node takes to show.
    private static func chain() throws -> [UInt8] {
        var writer = ModelWriter()
        writer.input("v0", [-1, 3, 8, 8])
        for index in 0..<200 { writer.node("Relu", ["v\(index)"], ["v\(index + 1)"]) }
        writer.output("v200")
        return try writer.bytes()
    }

    private static let manyTensors = PickleWriter.stateDictionary(
        (0..<60).map { WrittenTensor("layer.\($0).weight", [2, 2], [1, 2, 3, 4]) })

    private static func safetensors(_ count: Int) -> [UInt8] {
        let entries = (0..<count).map {
            #""t\#($0)":{"dtype":"F32","shape":[2,1],"data_offsets":[\#(8 * $0),\#(8 * $0 + 8)]}"#
        }
        let header = #"{"__metadata__":{"format":"pt"},"# + entries.joined(separator: ",") + "}"
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        bytes += header.utf8
        bytes.append(floats: (0..<2 * count).map(Float.init))
        return bytes
    }

    /// The configuration, a zero, and the weights.
    private static func darknet(_ rounds: Int) -> [UInt8] {
        let shortcut = String(repeating: "[upsample]\nstride=1\n", count: rounds - 1)
        let text = """
            [net]
            width=8
            height=8
            channels=1
            [convolutional]
            batch_normalize=1
            filters=2
            size=3
            pad=1
            activation=leaky
            [maxpool]
            size=2
            stride=2
            [upsample]
            stride=2
            \(shortcut)[route]
            layers=-1,0
            [convolutional]
            filters=6
            activation=linear
            [yolo]
            classes=1
            """
        var bytes = Array(text.utf8) + [0]
        for number in [0, 2, 5] { bytes.append(littleEndian: Int32(number)) }
        bytes += [UInt8](repeating: 0, count: 8)
        bytes.append(floats: (0..<2 * 4 + 18 + 6 + 24).map { Float($0) / 8 + 0.25 })
        return bytes
    }
}

// MARK: Our own formats

extension MutatedFormat {
    private static let packages = [
        MutatedFormat(
            name: "package", multiple: 32, base: 1 << 16, samples: { [try network().package().serialized()] }
        ) { _ = try TensorPackage.parse($0) },
        MutatedFormat(
            name: "network-manifest", multiple: 32, base: 1 << 16, samples: { [try network().package().manifest] },
            wrap: { manifest in
                var package = try network().package()
                package.manifest = manifest
                return try package.serialized()
            }
        ) { _ = try NetworkPackage(try TensorPackage.parse($0)) },
        MutatedFormat(
            name: "supernet-manifest", multiple: 32, base: 1 << 16, samples: { [try supernet.get().manifest] },
            isRead: false,
            wrap: { manifest in
                var package = try supernet.get()
                package.manifest = manifest
                return try package.serialized()
            }
        ) { _ = try PackedSupernet(try TensorPackage.parse($0)) },
        MutatedFormat(
            name: "statistics", multiple: 32, base: 1 << 16, samples: { [try statistics.get().manifest] },
            wrap: { manifest in
                var package = try statistics.get()
                package.manifest = manifest
                return try package.serialized()
            }, read: readStatistics),
        MutatedFormat(
            name: "statistics-values", multiple: 32, base: 1 << 16,
            samples: { [try statistics.get().blobs["0"] ?? []] },
            wrap: { blob in
                var package = try statistics.get()
                package.blobs["0"] = blob
                return try package.serialized()
            }, read: readStatistics),
        MutatedFormat(
            name: "packed", multiple: 32, base: 1 << 16, samples: { [packed] }, wrap: withHeadChecksum
        ) { bytes in
            let memory = AlignedBuffer(count: bytes.count / 4 + 1)
            UnsafeMutableRawPointer(memory.base).copyMemory(from: bytes, byteCount: bytes.count)
            _ = try PackedFile.parse(
                UnsafeRawBufferPointer(start: memory.base, count: bytes.count), of: memory, identity: identity)
        },
    ]

    private static func network() throws -> NetworkPackage {
        let graph = try Graph(
            name: "sample",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [.symbolic("N"), .fixed(2)])],
            outputs: ["y"],
            initialisers: [
                "pads": TensorValue(integers: [0, 1, 0, 1]), "w": TensorValue(shape: [1], .float32([0.1])),
            ],
            nodes: [
                Node(
                    "Pad", opset: 13, inputs: ["x", "pads", ""], outputs: ["p"], attributes: ["mode": .string("edge")]),
                Node("Add", opset: 13, inputs: ["p", "w"], outputs: ["y"], attributes: ["extra": .ints([1, -2])]),
            ])
        return NetworkPackage(
            graph: graph,
            configuration: NetworkConfiguration(mean: [0.5], std: [0.25], labels: ["a"], inputSize: .init(2)))
    }

    /// The Fashion-MNIST supernet without its larger tensors: reading ends at the first that is missing.
    private static let supernet = Result<TensorPackage, any Error> {
        var package = try SupernetImporter.importCheckpoint(
            path: Fixture.example("fashion_supernet.pth"), configPath: Fixture.example("fashion_supernet.json"))
        package.tensors = package.tensors.filter { $0.value.count < 200 }
        return package
    }

    private static let statistics = Result<TensorPackage, any Error> {
        let configuration = SubnetConfiguration(
            resolution: 20, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 4])
        let layer = SubnetStatistics.Layer(mean: [1, 2, 3], variance: [0.5, 1, 2])
        var file = StatisticsFile(weightsSHA256: "0123")
        try file.insert(
            SubnetStatistics(configuration: configuration, origin: .calibrated, layers: ["a": layer, "b": layer]))
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID()).statistics").path()
        defer { unlink(path) }
        try file.write(to: path)
        return try TensorPackage.read(from: path)
    }

    @Sendable private static func readStatistics(_ bytes: [UInt8]) throws {
        try Fixture.withFile(bytes) { _ = try StatisticsFile.read(from: $0, for: "0123") }
    }

    private static let identity = [UInt8](repeating: 7, count: 32)

    private static let packed: [UInt8] = {
        let values = AlignedBuffer(count: 40)
        for place in 0..<40 { values.base[place] = Float(place) }
        let file = PackedFile(
            identity: identity, weightsSHA256: String(repeating: "a", count: 64),
            parts: [.init(name: "w", values: values), .init(name: "v", values: values)])
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID()).packed").path()
        defer { unlink(path) }
        guard (try? file.write(to: path)) != nil else { return [] }
        return (try? Fixture.bytes(path)) ?? []
    }()

    /// The head ends with its CRC-32C; where it states no size that it can have, the file stays as it is.
    @Sendable private static func withHeadChecksum(_ bytes: [UInt8]) -> [UInt8] {
        let place = PackedFile.prologue - 8
        guard bytes.count > PackedFile.prologue else { return bytes }
        let size = Int(
            bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)) })
        guard size > PackedFile.prologue, size <= bytes.count else { return bytes }
        var made = bytes
        let checksum = bytes[..<(size - 4)].withUnsafeBytes { PackedFile.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { made.replaceSubrange(size - 4..<size, with: $0) }
        return made
    }
}
