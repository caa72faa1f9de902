package import Engine
package import Graphs

/// A network package, and the single images that it reads.
package struct LoadedNetwork {
    package let path: String
    package let network: NetworkPackage

    package init(_ package: TensorPackage, path: String) throws(ShoalFailure) {
        self.path = path
        do { network = try NetworkPackage(package) } catch { throw ShoalFailure(.file, "\(path): \(error)") }
    }

    package init(_ network: NetworkPackage, path: String) {
        self.path = path
        self.network = network
    }

    /// Side of the square images that it reads, where graph or configuration say so.
    package var side: Int? {
        guard let input = network.graph.inputs.first, input.dimensions.count == 4 else { return nil }
        if case .fixed(let size) = input.dimensions[3] { return size > 0 ? size : nil }
        return network.configuration.inputSize
    }

    /// Shape of one input: batch of one, channels, and a square.
    /// - Parameters:
    ///   - channels: where the graph leaves them open.
    ///   - side: where the graph leaves it open; `inputSize` of the configuration without it.
    package func inputShape(channels: Int?, side: Int? = nil) throws(ShoalFailure) -> [Int] {
        guard let input = network.graph.inputs.first, network.graph.inputs.count == 1, input.element == .float32,
            input.dimensions.count == 4
        else {
            throw ShoalFailure(
                .file, "\(path): the network does not read images alone: batch, channels, height, width")
        }
        let size = side ?? network.configuration.inputSize
        func bound(_ axis: Int, _ open: Int?) throws(ShoalFailure) -> Int {
            if case .fixed(let fixed) = input.dimensions[axis] {
                guard axis < 2 || size == nil || size == fixed else {
                    throw ShoalFailure(
                        .file, "\(path): the network reads images of \(fixed) pixels a side, not \(size ?? 0)")
                }
                return fixed
            }
            guard let open else {
                throw ShoalFailure(
                    .file, "\(path): the network leaves the image's size open; import it with inputSize in --config")
            }
            return open
        }
        let shape = [try bound(0, 1), try bound(1, channels), try bound(2, size), try bound(3, size)]
        guard shape[0] == 1, shape[1] > 0, shape[2] == shape[3], shape[2] > 0 else {
            throw ShoalFailure(.file, "\(path): the network reads \(shape); one square image at a time is supported")
        }
        return shape
    }

    /// The network bound to inputs of this shape.
    package func bound(to shape: [Int]) throws(ShoalFailure) -> BoundGraph {
        do {
            return try BoundGraph(network.graph, sizes: .init(shapes: [network.graph.inputs[0].name: shape]))
        } catch { throw ShoalFailure(.file, "\(path): \(error)") }
    }

    /// Mean and deviation of each channel's values divided by 255; 0 and 1 where the package has none.
    package func normalization(channels: Int) throws(ShoalFailure) -> (mean: [Float], std: [Float]) {
        let configuration = network.configuration
        let mean = configuration.mean ?? [Float](repeating: 0, count: channels)
        let std = configuration.std ?? [Float](repeating: 1, count: channels)
        guard mean.count == channels, std.count == channels, std.allSatisfy({ $0 > 0 }) else {
            throw ShoalFailure(.file, "\(path): mean and std are not those of \(channels) channels")
        }
        return (mean, std)
    }
}
