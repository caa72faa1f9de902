public import Engine
public import Fusion
public import Graphs

/// Values of a network's maps over calibration images: what post-training quantisation rests on (Nagel et al. 2021, "A
/// White Paper on Neural Network Quantization").
///
/// Gathered image by image; calibrations of parts of the images, such as those of several threads, can be joined.
public struct Calibration: Sendable {
    /// Of one map.
    struct Values: Sendable {
        var histogram = ValueHistogram()
        var channels: ChannelStatistics
    }

    private let plan: SteppedPlan
    /// By the name of the value; the network's input among them.
    private(set) var values: [String: Values]
    public private(set) var imageCount = 0
    private var firstImage: [Float]?
    private(set) var areImagesAlike = true

    public var network: FusedNetwork { plan.network }

    /// - Throws: `GraphFailure` where no kernel covers a step, or the network is quantised already.
    public init(of network: FusedNetwork, kernels: KernelSet) throws(GraphFailure) {
        guard network.quantizations.isEmpty, network.steps.allSatisfy({ !$0.hasIntegers }) else {
            throw GraphFailure("the network is quantised already")
        }
        plan = try SteppedPlan(network, kernels: kernels)
        values = [network.input: Values(channels: ChannelStatistics(channels: network.inputShape.channels))]
        for step in network.steps {
            values[step.output] = Values(channels: ChannelStatistics(channels: step.shape.channels))
        }
    }

    /// For `add`, one for each thread.
    public func makeArena() -> AlignedBuffer { plan.makeArena() }

    /// Runs a planar image, already normalised, and keeps how often which values occur in its maps.
    public mutating func add(_ image: UnsafeBufferPointer<Float>, in arena: AlignedBuffer) {
        imageCount += 1
        compare(image)
        let (network, shape) = (network, network.inputShape)
        // Out of the dictionary while they change, so that they are not copied.
        var values = values
        self.values = [:]
        func change(_ name: String, _ body: (inout Values) -> Void) {
            guard var entry = values.removeValue(forKey: name) else { preconditionFailure("\(name) is no value") }
            body(&entry)
            values[name] = entry
        }
        change(network.input) { $0.add(image, shape) }
        _ = plan.run(on: image, in: arena) { index, map in change(network.steps[index].output) { $0.add(map) } }
        self.values = values
    }

    private mutating func compare(_ image: UnsafeBufferPointer<Float>) {
        if let firstImage {
            if areImagesAlike { areImagesAlike = firstImage.elementsEqual(image) }
        } else {
            firstImage = Array(image)
        }
    }

    /// - Precondition: of the same network.
    public mutating func add(_ other: Calibration) {
        imageCount += other.imageCount
        if firstImage == nil { firstImage = other.firstImage }
        areImagesAlike = areImagesAlike && other.areImagesAlike && (other.firstImage ?? firstImage) == firstImage
        for (name, entry) in other.values {
            values[name]?.histogram.add(entry.histogram)
            values[name]?.channels.add(entry.channels)
        }
    }
}

extension FusedStep {
    var hasIntegers: Bool {
        if case .convolution(let convolution) = work { convolution.integers != nil } else { false }
    }
}

extension Calibration.Values {
    fileprivate mutating func add(_ image: UnsafeBufferPointer<Float>, _ shape: MapShape) {
        for channel in 0..<shape.channels {
            let plane = UnsafeBufferPointer(rebasing: image[channel * shape.pixels..<(channel + 1) * shape.pixels])
            histogram.add(plane, lanes: 1, of: 1)
            channels.add(plane, lanes: 1, of: 1, from: channel)
        }
        channels.count(shape.pixels)
    }

    fileprivate mutating func add(_ map: StepMap) {
        map.forEachBlock { channel, count, pixels in
            let pixels = UnsafeBufferPointer(pixels)
            let row = pixels.count / map.shape.pixels
            histogram.add(pixels, lanes: count, of: row)
            channels.add(pixels, lanes: count, of: row, from: channel)
        }
        channels.count(map.shape.pixels)
    }
}
