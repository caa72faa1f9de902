import Engine
import Graphs
import SwiftProtobuf

/// Turns GraphProto into a graph; operators, versions and attributes are checked against `OperatorTable`.
struct ONNXGraphReader {
    let opsets: [String: Int]
    var tensors: ONNXTensorReader

    mutating func read(_ graph: Onnx_GraphProto) throws(GraphFailure) -> Graph {
        guard graph.sparseInitializer.isEmpty else { throw GraphFailure("holds sparse tensors") }
        var initialisers: [String: TensorValue] = [:]
        for tensor in graph.initializer {
            let value: TensorValue
            do throws(GraphFailure) {
                guard !tensor.name.isEmpty else { throw GraphFailure("has no name") }
                value = try tensors.read(tensor)
            } catch {
                throw GraphFailure("initialiser \(tensor.name.printable): \(error.reason)")
            }
            guard initialisers.updateValue(value, forKey: tensor.name) == nil else {
                throw GraphFailure("the initialiser \(tensor.name.printable) occurs twice")
            }
        }
        var operators = QuantizedOperators(opset: opsets[""] ?? 0, initialisers: initialisers)
        for proto in graph.node { try operators.append(try node(proto)) }
        // Before version 4 of the format, initialisers were listed among the inputs.
        var inputs: [GraphInput] = []
        for input in graph.input where initialisers[input.name] == nil { inputs.append(try self.input(input)) }
        return try Graph(
            name: graph.name, inputs: inputs, outputs: graph.output.map(\.name),
            initialisers: operators.initialisers, nodes: operators.nodes)
    }

    private func input(_ proto: Onnx_ValueInfoProto) throws(GraphFailure) -> GraphInput {
        guard case .tensorType(let type)? = proto.type.value else {
            throw GraphFailure("the input \(proto.name.printable) is not a tensor")
        }
        do throws(GraphFailure) {
            let element = try ONNXTensorReader.element(type.elemType)
            guard type.hasShape else { throw GraphFailure("has no stated number of dimensions") }
            guard type.shape.dim.count <= GraphLimits.rank else { throw GraphFailure("has too many dimensions") }
            var dimensions: [Dimension] = []
            for dimension in type.shape.dim { dimensions.append(try Self.dimension(dimension)) }
            return GraphInput(name: proto.name, element: element, dimensions: dimensions)
        } catch {
            throw GraphFailure("the input \(proto.name.printable) \(error.reason)")
        }
    }

    private static func dimension(
        _ proto: Onnx_TensorShapeProto.Dimension
    ) throws(GraphFailure) -> Dimension {
        switch proto.value {
        case .dimValue(let size):
            // Some writers say -1 for a size that is not known.
            if size == -1 { return .unknown }
            guard size >= 0, size <= Int64(Int32.max) else { throw GraphFailure("has a dimension of \(size)") }
            return .fixed(Int(size))
        case .dimParam(let name): return name.isEmpty ? .unknown : .symbolic(name)
        case nil: return .unknown
        }
    }

    private mutating func node(_ proto: Onnx_NodeProto) throws(GraphFailure) -> Node {
        let domain = proto.domain == "ai.onnx" ? "" : proto.domain
        let opset = opsets[domain]
        let unread = Node(
            proto.opType, domain: domain, opset: opset ?? 0, name: proto.name, inputs: proto.input,
            outputs: proto.output)
        guard opset != nil else { throw GraphFailure("the model states no opset of its domain", at: unread) }
        for count in [proto.input.count, proto.output.count, proto.attribute.count]
        where count > GraphLimits.nodeValues {
            throw GraphFailure(
                "has \(count) inputs, outputs or attributes; \(GraphLimits.nodeValues) are read", at: unread)
        }
        var attributes: [String: Attribute] = [:]
        do throws(GraphFailure) {
            let isStandard = !QuantizedOperators.covers(unread)
            if isStandard { try OperatorTable.check(unread) }
            for attribute in proto.attribute {
                let value: Attribute
                do throws(GraphFailure) {
                    value = try self.attribute(attribute)
                } catch {
                    throw GraphFailure("attribute \(attribute.name.printable) \(error.reason)")
                }
                if isStandard { try OperatorAttributes.check(attribute.name, of: unread) }
                guard attributes.updateValue(value, forKey: attribute.name) == nil else {
                    throw GraphFailure("attribute \(attribute.name.printable) occurs twice")
                }
            }
        } catch {
            throw GraphFailure(error.reason, at: unread)
        }
        return Node(
            proto.opType, domain: domain, opset: unread.opset, name: proto.name, inputs: proto.input,
            outputs: proto.output, attributes: attributes)
    }

    private mutating func attribute(_ proto: Onnx_AttributeProto) throws(GraphFailure) -> Attribute {
        guard proto.refAttrName.isEmpty else { throw GraphFailure("belongs to a function") }
        switch proto.type {
        case .int: return .int(Int(proto.i))
        case .float: return .float(proto.f)
        case .string: return .string(try Self.text(Array(proto.s)))
        case .ints: return .ints(proto.ints.map { Int($0) })
        case .floats: return .floats(proto.floats)
        case .strings:
            var texts: [String] = []
            for text in proto.strings { texts.append(try Self.text(Array(text))) }
            return .strings(texts)
        case .tensor: return .tensor(try tensors.read(proto.t))
        case .graph, .graphs: throw GraphFailure("is a subgraph, which is not supported")
        default: throw GraphFailure("has a type that is not supported")
        }
    }

    private static func text(_ bytes: [UInt8]) throws(GraphFailure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw GraphFailure("is not UTF-8") }
        return text
    }
}
