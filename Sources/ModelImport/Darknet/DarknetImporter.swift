import Engine
public import Graphs

/// Reads Darknet networks: a `.cfg` that describes the layers and a `.weights` with their values.
///
/// Supported are convolutional, connected, maxpool, avgpool, upsample, shortcut, route, softmax, yolo, dropout and cost
/// layers; others are refused by name, and so are settings that would change a result otherwise than is read. Where
/// there are yolo layers, they are the outputs: box centres, objectness and class scores through the logistic function,
/// as Darknet leaves them. Batch normalisation has an epsilon of 1e-5.
public enum DarknetImporter {
    public static func read(
        configuration path: String, weights weightsPath: String
    ) throws(CheckpointFailure) -> Graph {
        let configuration: DarknetConfiguration
        do throws(ReadingFailure) {
            configuration = try DarknetConfiguration(
                try FileBytes.read(from: path, limit: DarknetConfiguration.byteLimit))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
        do throws(ReadingFailure) {
            let bytes = try FileBytes.read(from: weightsPath, limit: DarknetWeights.byteLimit)
            return try graph(configuration, try DarknetWeights(bytes))
        } catch {
            throw CheckpointFailure(error, in: error.subject == nil ? weightsPath : path)
        }
    }

    static func graph(
        _ configuration: DarknetConfiguration, _ weights: DarknetWeights
    ) throws(ReadingFailure) -> Graph {
        var builder: DarknetGraphBuilder
        do throws(GraphFailure) {
            builder = try DarknetGraphBuilder(configuration.network, weights)
        } catch {
            throw ReadingFailure(error.reason, subject: "[net]")
        }
        for (index, layer) in configuration.layers.enumerated() {
            do throws(GraphFailure) {
                try builder.append(layer)
            } catch {
                throw ReadingFailure(
                    error.reason, subject: "layer \(index) [\(layer.type.printable)] (line \(layer.line))")
            }
        }
        guard builder.weights.remaining == 0 else {
            throw ReadingFailure("\(builder.weights.remaining) bytes belong to no layer")
        }
        do throws(GraphFailure) {
            return try builder.graph()
        } catch {
            throw ReadingFailure(error.reason, subject: error.place ?? "the layers")
        }
    }
}
