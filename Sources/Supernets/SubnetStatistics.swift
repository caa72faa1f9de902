public import Engine
public import SearchSpace

/// Means and variances of a subnet's batch normalisations: all that a subnet owns beside its plan.
public struct SubnetStatistics: Equatable, Sendable {
    /// One layer's statistics, a value per channel in use.
    public struct Layer: Equatable, Sendable {
        public var mean: [Float]
        /// Biased variance.
        public var variance: [Float]

        public init(mean: [Float], variance: [Float]) {
            self.mean = mean
            self.variance = variance
        }
    }

    /// Where the numbers come from; a user should know before trusting an accuracy.
    public enum Origin: String, Codable, Sendable {
        /// Calibrated for this very subnet.
        case calibrated
        /// Read from a file that names this subnet.
        case file
        /// The checkpoint's own, which belong to whichever subnet ran last in training.
        case checkpoint
    }

    public var configuration: SubnetConfiguration
    public var origin: Origin
    /// By name of the normalisation, such as `blocks.3.conv.point_linear.bn.bn`.
    public var layers: [String: Layer]

    public init(configuration: SubnetConfiguration, origin: Origin, layers: [String: Layer]) {
        self.configuration = configuration
        self.origin = origin
        self.layers = layers
    }

    /// The layer's, as many as the subnet has channels at least.
    func checked(for normalization: BatchNormalization, channels: Int) throws(SupernetRefusal) -> Layer {
        guard let layer = layers[normalization.name] else {
            throw .statistics(layer: normalization.name, reason: "missing")
        }
        guard layer.mean.count >= channels, layer.variance.count >= channels else {
            throw .statistics(
                layer: normalization.name, reason: "\(layer.mean.count) channels, the subnet has \(channels)")
        }
        guard layer.mean.allSatisfy(\.isFinite), layer.variance.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
            throw .statistics(layer: normalization.name, reason: "a mean or variance is not a number it can be")
        }
        return layer
    }

    /// Bytes that they take in a `StatisticsFile`.
    public var storedBytes: Int { layers.values.reduce(0) { $0 + StatisticsCoding.byteCount(channels: $1.mean.count) } }
}

extension PackedSupernet {
    /// The checkpoint's statistics, cut to what any subnet may read. Right for one subnet at most.
    public func checkpointStatistics(for configuration: SubnetConfiguration) -> SubnetStatistics {
        var layers = [
            stemNormalization.name: stemNormalization.checkpointStatistics,
            finalExpandNormalization.name: finalExpandNormalization.checkpointStatistics,
        ]
        for block in blocks {
            let normalizations = [
                block.expand?.normalization, block.depthwiseNormalization, block.projectNormalization,
            ]
            for case let normalization? in normalizations {
                layers[normalization.name] = normalization.checkpointStatistics
            }
        }
        return SubnetStatistics(configuration: configuration, origin: .checkpoint, layers: layers)
    }
}

extension SubnetStatistics {
    /// Statistics stored as `NAME/LAYER.running_mean` and `.running_var` among other tensors.
    /// - Throws: `SupernetRefusal` when a layer has only one of the two, or not as many of each.
    public init(
        configuration: SubnetConfiguration, named name: String, in tensors: [String: Tensor]
    ) throws(SupernetRefusal) {
        let (prefix, suffixes) = (name + "/", (mean: ".running_mean", variance: ".running_var"))
        var layers: [String: Layer] = [:]
        for (key, mean) in tensors where key.hasPrefix(prefix) && key.hasSuffix(suffixes.mean) {
            let layer = String(key.dropFirst(prefix.count).dropLast(suffixes.mean.count))
            guard let variance = tensors[prefix + layer + suffixes.variance], variance.count == mean.count else {
                throw .statistics(layer: layer, reason: "mean without a variance of the same size")
            }
            layers[layer] = Layer(mean: mean.values, variance: variance.values)
        }
        self.init(configuration: configuration, origin: .file, layers: layers)
    }
}
