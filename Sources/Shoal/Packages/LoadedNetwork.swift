package import Engine
package import Graphs
package import Packages

/// A network package, and the single images that it reads.
package struct LoadedNetwork {
    package let path: String
    package let network: NetworkPackage
    /// Size of the images in place of the configuration's.
    package let resolution: ImageSize?

    package init(_ package: TensorPackage, path: String, resolution: ImageSize? = nil) throws(ShoalFailure) {
        let network: NetworkPackage
        do { network = try NetworkPackage(package) } catch { throw ShoalFailure(.file, "\(path): \(error)") }
        self.init(network, path: path, resolution: resolution)
    }

    package init(_ network: NetworkPackage, path: String, resolution: ImageSize? = nil) {
        self.path = path
        self.network = network
        self.resolution = resolution
    }

    /// Size of the images that it reads, where graph, caller or configuration say so.
    package var size: ImageSize? { statedSize.flatMap { $0.isPossible ? $0 : nil } }

    private var statedSize: ImageSize? {
        guard let height = fixed(2) ?? chosen?.height, let width = fixed(3) ?? chosen?.width else { return nil }
        return ImageSize(height: height, width: width)
    }

    /// Channels of the images that it reads, where graph or configuration say so.
    package var channels: Int? { fixed(1) ?? network.configuration.mean?.count }

    private var chosen: ImageSize? { resolution ?? network.configuration.inputSize }

    private func fixed(_ axis: Int) -> Int? {
        guard let input = network.graph.inputs.first, input.dimensions.indices.contains(axis),
            case .fixed(let size) = input.dimensions[axis], size > 0
        else { return nil }
        return size
    }

    /// Shape of one input: batch of one, channels, height and width.
    /// - Parameter channels: where the graph leaves them open.
    package func inputShape(channels: Int?) throws(ShoalFailure) -> [Int] {
        try checkInput()
        guard let size else {
            throw ShoalFailure(
                .file,
                "\(path): the network leaves the image's size open; say it with --resolution, or import it with "
                    + "inputSize in --config")
        }
        if let chosen, chosen != size {
            throw ShoalFailure(.file, "\(path): the network reads images of \(size) pixels, not \(chosen)")
        }
        guard let channels = fixed(1) ?? channels else {
            throw ShoalFailure(
                .file, "\(path): the network leaves the image's channels open; import it with mean and std in --config")
        }
        let shape = [1, channels, size.height, size.width]
        guard shape.allSatisfy({ $0 > 0 }) else {
            throw ShoalFailure(.file, "\(path): the network reads \(shape), which is no image")
        }
        return shape
    }

    /// Refuses a network that does not read one image at a time and nothing else.
    package func checkInput() throws(ShoalFailure) {
        let inputs = network.graph.inputs
        let isImage =
            inputs.count == 1 && inputs[0].element == .float32 && inputs[0].dimensions.count == 4
            && [nil, 1].contains(fixed(0)) && !inputs[0].dimensions.contains(.fixed(0))
            && statedSize?.isPossible ?? true
        guard !isImage else { return }
        let list = inputs.prefix(8).map { input in
            let dimensions = input.dimensions.map { dimension in
                switch dimension {
                case .fixed(let size): "\(size)"
                case .symbolic(let name): name.printable
                case .unknown: "?"
                }
            }
            return "\(input.name.printable): \(input.element.rawValue) [\(dimensions.joined(separator: ", "))]"
        }
        throw ShoalFailure(
            .file,
            "\(path): the network reads \(list.joined(separator: " and ")); supported is one input of one image at a "
                + "time, float32 [1, channels, height, width], \(ImageSize.limits)")
    }

    /// Refuses a configuration that contradicts the graph.
    package func checkConfiguration() throws(ShoalFailure) {
        let configuration = network.configuration
        if let mean = configuration.mean, let channels = fixed(1), mean.count != channels {
            throw ShoalFailure(
                .file, "\(path): mean and std are of \(mean.count) channels, the network reads \(channels)")
        }
        if let wanted = configuration.inputSize, let size, wanted != size {
            throw ShoalFailure(.file, "\(path): inputSize is \(wanted), the network reads images of \(size) pixels")
        }
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

extension TensorValue {
    /// The values of any type as 32-bit floats; truth values as 0 and 1.
    package var floats: [Float] { tensor?.values ?? doubles.map { Float($0) } }
}
