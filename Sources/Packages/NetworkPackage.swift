public import Engine
import Foundation
public import Graphs

/// A graph in a package: 32-bit floats as the package's tensors, everything else in its manifest.
public struct NetworkPackage: Equatable, Sendable {
    public static let kind = "network"

    public let graph: Graph
    public let configuration: NetworkConfiguration

    public init(graph: Graph, configuration: NetworkConfiguration) {
        self.graph = graph
        self.configuration = configuration
    }

    /// - Throws: where the manifest is not one of a network, or the graph it describes is not valid.
    public init(_ package: TensorPackage) throws(GraphFailure) {
        guard package.kind == Self.kind else { throw GraphFailure("is a package of kind \(package.kind.printable)") }
        let manifest: Manifest
        do {
            manifest = try Self.decoder.decode(Manifest.self, from: Data(package.manifest))
        } catch {
            throw GraphFailure("the manifest is not one of a network: \(error)".printable)
        }
        var initialisers = package.tensors.mapValues { TensorValue($0) }
        for (name, constant) in manifest.constants {
            guard initialisers.updateValue(try constant.value(), forKey: name) == nil else {
                throw GraphFailure("the constant \(name.printable) occurs twice")
            }
        }
        for node in manifest.nodes {
            try OperatorTable.check(node)
            try GraphLimits.check(
                max(node.inputs.count, node.outputs.count, node.attributes.count), GraphLimits.nodeValues, "values")
        }
        for input in manifest.inputs { try GraphLimits.check(input.dimensions.count, GraphLimits.rank, "dimensions") }
        graph = try Graph(
            name: manifest.name, inputs: manifest.inputs, outputs: manifest.outputs, initialisers: initialisers,
            nodes: manifest.nodes)
        configuration = manifest.configuration
    }

    /// SHA-256 over what the package says of the graph besides its weights, in lower-case hexadecimal: inputs, outputs,
    /// operators with their attributes and order, and constants that are no weights. Not over its name, nor over how
    /// images become its input.
    /// - Throws: where it cannot be written as JSON.
    public func graphSHA256() throws(GraphFailure) -> String {
        let description = GraphDescription(
            inputs: graph.inputs, outputs: graph.outputs,
            constants: graph.initialisers.filter { $0.value.tensor == nil }.mapValues { EncodedTensor($0) },
            nodes: graph.nodes)
        do {
            let bytes = Array(try Self.encoder.encode(description))
            return TensorPackage.digest(bytes[...]).hexadecimal
        } catch {
            throw GraphFailure("the graph cannot be written as JSON: \(error)".printable)
        }
    }

    public func package() throws(GraphFailure) -> TensorPackage {
        let manifest = Manifest(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs,
            constants: graph.initialisers.filter { $0.value.tensor == nil }.mapValues { EncodedTensor($0) },
            nodes: graph.nodes, configuration: configuration)
        do {
            return TensorPackage(
                kind: Self.kind, manifest: Array(try Self.encoder.encode(manifest)),
                tensors: graph.initialisers.compactMapValues(\.tensor))
        } catch {
            throw GraphFailure("the graph cannot be written as JSON: \(error)".printable)
        }
    }

    /// Values that training found: floating-point constants and those of 8 and 32 bits that stand for such, wherever
    /// the graph keeps them, without the scales and zeros that say how.
    public var parameterCount: Int {
        var counted: [String: TensorValue] = graph.initialisers
        for node in graph.nodes where node.operatorName == "Constant" {
            // Single numbers are an operator's settings.
            if case .tensor(let value)? = node.attributes["value"], value.shape != [] {
                counted[node.outputs[0]] = value
            }
        }
        var quantized: Set<String> = []
        var described: Set<String> = []
        for node in graph.nodes {
            let places = Self.quantizedPlaces[node.operatorName]
            for (index, name) in node.inputs.enumerated() {
                if places?.weights.contains(index) == true { quantized.insert(name) }
                if places?.scales.contains(index) == true { described.insert(name) }
            }
        }
        return counted.reduce(0) { sum, entry in
            let type = entry.value.elements.type
            let counts = type.isFloatingPoint ? !described.contains(entry.key) : quantized.contains(entry.key)
            return counts ? sum + entry.value.count : sum
        }
    }

    /// Which inputs of ONNX's operators on integers are weights, and which only say what numbers these stand for.
    private static let quantizedPlaces: [String: (weights: Set<Int>, scales: Set<Int>)] = [
        "DequantizeLinear": ([0], [1, 2]), "QuantizeLinear": ([], [1, 2]),
        "QLinearConv": ([3, 8], [1, 2, 4, 5, 6, 7]),
        "QLinearMatMul": ([3], [1, 2, 4, 5, 6, 7]), "ConvInteger": ([1], [2, 3]), "MatMulInteger": ([1], [2, 3]),
    ]

    /// Bytes of all constants.
    public var weightBytes: Int {
        graph.initialisers.values.reduce(0) { $0 + $1.count * $1.elements.type.byteCount }
    }

    private struct Manifest: Codable {
        var name: String
        var inputs: [GraphInput]
        var outputs: [String]
        var constants: [String: EncodedTensor]
        var nodes: [Node]
        var configuration: NetworkConfiguration
    }

    private struct GraphDescription: Encodable {
        var inputs: [GraphInput]
        var outputs: [String]
        var constants: [String: EncodedTensor]
        var nodes: [Node]
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }
}

/// What a network's file does not say: how images become its input, and what its outputs are called.
public struct NetworkConfiguration: Codable, Equatable, Sendable {
    /// Of each channel's values divided by 255.
    public var mean: [Float]?
    public var std: [Float]?
    public var labels: [String]?
    /// Where the network leaves it open.
    public var inputSize: ImageSize?

    public init(
        mean: [Float]? = nil, std: [Float]? = nil, labels: [String]? = nil, inputSize: ImageSize? = nil
    ) {
        self.mean = mean
        self.std = std
        self.labels = labels
        self.inputSize = inputSize
    }
}
