package import Engine
public import Graphs
import SwiftProtobuf

/// Reads networks in ONNX format, opsets 7 to 21, into graphs.
///
/// Refused: subgraphs (If, Loop, Scan), functions, sequences, maps, sparse tensors, strings, formats below 8 bits, and
/// operators that `OperatorTable` does not have.
public enum ONNXImporter {
    /// - Throws: with operator, node name and opset where a node is at fault.
    public static func read(from path: String) throws(CheckpointFailure) -> Graph {
        do throws(ReadingFailure) {
            let bytes = try FileBytes.read(from: path, limit: ONNXLimits.fileBytes)
            return try parse(bytes, externalData: ExternalData(besideModel: path))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    /// - Parameter externalData: where tensors may lie that are not in the file; `nil` refuses them.
    package static func parse(_ bytes: [UInt8], externalData: ExternalData? = nil) throws(ReadingFailure) -> Graph {
        try MessageCount.check(bytes)
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = ONNXLimits.messageDepth
        options.discardUnknownFields = true
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: bytes, options: options)
        } catch BinaryDecodingError.messageDepthLimit {
            throw ReadingFailure("is nested too deeply: more than \(ONNXLimits.messageDepth) messages in each other")
        } catch {
            throw ReadingFailure("is not an ONNX model: it is no protocol buffer, or cut off")
        }
        guard model.irVersion > 0, model.hasGraph else { throw ReadingFailure("is not an ONNX model") }
        guard model.functions.isEmpty else { throw ReadingFailure("defines functions, which are not supported") }
        var reader = ONNXGraphReader(opsets: try opsets(model), tensors: ONNXTensorReader(external: externalData))
        do throws(GraphFailure) {
            return try ChannelsLastInput.absorbed(in: try reader.read(model.graph))
        } catch {
            throw ReadingFailure(error.reason, subject: error.place)
        }
    }

    private static func opsets(_ model: Onnx_ModelProto) throws(ReadingFailure) -> [String: Int] {
        var opsets: [String: Int] = [:]
        for entry in model.opsetImport {
            // "ai.onnx" is another spelling of the empty domain.
            let domain = entry.domain == "ai.onnx" ? "" : entry.domain
            guard let version = Int(exactly: entry.version), opsets.updateValue(version, forKey: domain) == nil else {
                throw ReadingFailure("states the opset of domain \"\(domain.printable)\" twice")
            }
        }
        guard let version = opsets[""] else { throw ReadingFailure("states no opset") }
        guard ONNXLimits.opsets.contains(version) else {
            throw ReadingFailure(
                "has opset \(version); \(ONNXLimits.opsets.lowerBound) to \(ONNXLimits.opsets.upperBound) are read")
        }
        return opsets
    }
}
