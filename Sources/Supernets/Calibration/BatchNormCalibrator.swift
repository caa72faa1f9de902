import CKernels
public import Engine
public import SearchSpace

/// Measures the batch normalisation statistics of one subnet on unlabelled images.
///
/// Weights are shared by all subnets but the distribution of their activations is not: a subnet is useless until its
/// statistics were measured (Once-for-All, section 3.3; "universally slimmable networks", Yu and Huang 2019). Every
/// layer is normalised with the statistics of the batch while the next one is measured, as the published code does;
/// the result is the average over the batches, weighed by their sizes, of means and biased variances.
///
/// A batch keeps one arena per image; memory is `batchSize` times the plan's arena.
public struct BatchNormCalibrator {
    private let supernet: PackedSupernet
    private let kernels: KernelSet
    private let batchSize: Int
    private let identity: Epilogue

    public init(supernet: PackedSupernet, kernels: KernelSet, batchSize: Int = 250) {
        precondition(batchSize > 1, "statistics of a batch need at least two images")
        precondition(supernet.precision == .fp32, "statistics are measured on maps of floats")
        self.supernet = supernet
        self.kernels = kernels
        self.batchSize = batchSize
        let widest = supernet.blocks.map { $0.expand?.convolution.outputChannels ?? 0 }.max() ?? 0
        let count = max(widest, supernet.widths.finalExpand, supernet.widths.stem) + Int(CK_LANES)
        identity = Epilogue(
            scale: [Float](repeating: 1, count: count), shift: [Float](repeating: 0, count: count))
    }

    /// - Parameters:
    ///   - count: number of images.
    ///   - load: writes image `index` (planar, normalised, at the subnet's resolution) into the buffer.
    /// - Throws: `SupernetRefusal` when the configuration is not in the space or there are too few images.
    public func calibrate(
        _ configuration: SubnetConfiguration, imageCount count: Int,
        load: (_ index: Int, _ image: UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(SupernetRefusal) -> SubnetStatistics {
        guard count > 1 else { throw .images(reason: "\(count) given, at least two are needed") }
        let provisional = supernet.checkpointStatistics(for: configuration)
        let plan = try supernet.plan(configuration, statistics: provisional, kernels: kernels)
        let side = configuration.resolution
        let image = AlignedBuffer(count: supernet.architecture.inputChannels * side * side)
        let arenas = (0..<min(batchSize, count)).map { _ in AlignedBuffer(count: plan.arenaCount) }
        var averages = StatisticsAverage()
        var start = 0
        // A last batch of a single image has no variance to speak of and is left out.
        while start + 1 < count {
            let size = min(batchSize, count - start)
            let batch = Array(arenas.prefix(size))
            for (offset, arena) in batch.enumerated() {
                let buffer = UnsafeMutableBufferPointer(start: image.base, count: image.count)
                load(start + offset, buffer)
                plan.place(UnsafeBufferPointer(buffer), in: arena.base)
            }
            averages.add(measure(plan, batch), weight: size)
            start += size
        }
        let layers = averages.layers
        guard layers[supernet.stemNormalization.name]?.variance.contains(where: { $0 > 0 }) ?? false else {
            throw .images(reason: "all pixels are equal, so nothing can be measured on them")
        }
        return SubnetStatistics(
            configuration: supernet.space.canonical(configuration), origin: .calibrated, layers: layers)
    }

    /// Runs the plan over the batch one operation at a time; returns the statistics of every normalisation.
    private func measure(_ plan: Plan, _ batch: [AlignedBuffer]) -> [String: SubnetStatistics.Layer] {
        var measured: [String: SubnetStatistics.Layer] = [:]
        for (operation, step) in zip(plan.operations, plan.steps) {
            guard let name = step.normalization, let normalization = supernet.normalization(named: name) else {
                for arena in batch { operation.perform(in: arena.base) }
                continue
            }
            let raw = operation.raw(scale: identity.scale, shift: identity.shift)
            for arena in batch { raw.perform(in: arena.base) }
            let layer = moments(of: operation, in: batch)
            let epilogue = normalization.epilogue(layer, channels: operation.output.channels)
            for arena in batch {
                var finish = operation.epilogue(in: arena.base, scale: epilogue.scale, shift: epilogue.shift)
                ck_apply_epilogue(
                    arena.base + operation.outputOffset, Int32(operation.output.pixels),
                    Int32(operation.output.blocks), &finish)
                operation.updateMeans(in: arena.base, kernels)
            }
            measured[name] = layer
        }
        return measured
    }

    /// Mean and biased variance per channel over all images and pixels, in double precision.
    private func moments(of operation: PlanOperation, in batch: [AlignedBuffer]) -> SubnetStatistics.Layer {
        let shape = operation.output
        let (pixels, blocks) = (Int32(shape.pixels), Int32(shape.blocks))
        var means = [Double](repeating: 0, count: shape.blocks * Int(CK_LANES))
        for arena in batch { ck_add_sums(arena.base + operation.outputOffset, pixels, blocks, &means) }
        let samples = Double(batch.count * shape.pixels)
        for channel in means.indices { means[channel] /= samples }
        var variances = [Double](repeating: 0, count: means.count)
        for arena in batch {
            ck_add_squared_deviations(arena.base + operation.outputOffset, pixels, blocks, means, &variances)
        }
        return SubnetStatistics.Layer(
            mean: means.prefix(shape.channels).map { Float($0) },
            variance: variances.prefix(shape.channels).map { Float($0 / samples) })
    }
}

/// The running average over batches.
struct StatisticsAverage {
    private var sums: [String: (mean: [Double], variance: [Double])] = [:]
    private var weight = 0.0

    mutating func add(_ batch: [String: SubnetStatistics.Layer], weight: Int) {
        self.weight += Double(weight)
        for (name, layer) in batch {
            var sum =
                sums[name]
                ?? (
                    [Double](repeating: 0, count: layer.mean.count),
                    [Double](repeating: 0, count: layer.variance.count)
                )
            for channel in layer.mean.indices {
                sum.mean[channel] += Double(layer.mean[channel]) * Double(weight)
                sum.variance[channel] += Double(layer.variance[channel]) * Double(weight)
            }
            sums[name] = sum
        }
    }

    var layers: [String: SubnetStatistics.Layer] {
        sums.mapValues { sum in
            SubnetStatistics.Layer(
                mean: sum.mean.map { Float($0 / weight) }, variance: sum.variance.map { Float($0 / weight) })
        }
    }
}

extension PackedSupernet {
    func normalization(named name: String) -> BatchNormalization? {
        if name == stemNormalization.name { return stemNormalization }
        if name == finalExpandNormalization.name { return finalExpandNormalization }
        for block in blocks {
            if let expand = block.expand?.normalization, expand.name == name { return expand }
            if block.depthwiseNormalization.name == name { return block.depthwiseNormalization }
            if block.projectNormalization.name == name { return block.projectNormalization }
        }
        return nil
    }
}
