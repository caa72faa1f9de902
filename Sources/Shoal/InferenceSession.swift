import Datasets
import Engine
import Graphs
import HookNetworks
import NetworkParts

/// Runs operating points that were prepared before, one at a time, in one arena.
///
/// Belongs to one thread at a time: it may be handed from one to another between two calls, and no two may call it at
/// once (it is not `Sendable`). Switching never allocates. Running does not either, except where `slowBecause` of the
/// point says so, for encoded pictures, and for the first pixels of another size.
public final class InferenceSession {
    /// An output value and its place.
    public struct Ranked: Equatable, Sendable {
        /// Place in the output: an index into the model's labels.
        public var index: Int
        public var value: Float

        public init(index: Int, value: Float) {
            self.index = index
            self.value = value
        }
    }

    /// The most threads that share an inference.
    public static let threadLimit = 64
    /// The longest side of an image that is handed over as pixels.
    public static let sideLimit = 16_384

    public let points: [OperatingPoint]
    /// The point that `run` computes: an index into `points`.
    public private(set) var active = 0
    /// Damage to be put up with for an image, with hooks; may change before every run.
    public var budget: Float = -1
    /// Decisions of the last run that left something out; 0 without hooks.
    public private(set) var decisionsTaken = 0
    /// Floating-point operations of the last run with its gates, with hooks.
    public private(set) var hookedFlops = 0

    private let hooked: (any HookedNetwork)?
    private var sensors: [String] = []
    /// `nil` where no point has a plan.
    private let session: Session?
    /// Of points without a plan, by point.
    private let hybrids: [HybridSession?]
    private let image: AlignedBuffer
    /// Grows where the size of a network's output depends on the image.
    private var output: AlignedBuffer
    /// Values of the last run in `output`; 0 before the first.
    private var outputCount = 0
    /// Of the last pixels, by point, so that a camera's next frame finds it made.
    private var preprocessors: [ImagePreprocessor?]
    private var pixelSize = (height: 0, width: 0)

    /// - Parameters:
    ///   - points: what it may switch between; the first is active.
    ///   - threads: how many share each inference, the caller's included: 1...`threadLimit`. The others belong to the
    ///     session and sleep while it does not run.
    public convenience init(_ points: [OperatingPoint], threads: Int = 1) throws(ShoalFailure) {
        try self.init(points, threads: threads, hooked: nil)
    }

    /// Runs a network through its hooks, on the caller's thread.
    /// - Parameters:
    ///   - points: of the network that the hooks belong to.
    ///   - budget: damage to be put up with for an image, 0...1: the expected share of probability that the answer may
    ///     move. Below 0 no gate runs, and the output has the same bits as without hooks.
    public convenience init(_ points: [OperatingPoint], hooks: Hooks, budget: Float) throws(ShoalFailure) {
        let network: any HookedNetwork
        do { network = try hooks.attached.network() } catch { throw ShoalFailure(wrapping: error) }
        guard points.count == 1, let plan = points[0].plan, plan.inputShape == network.plain.inputShape,
            plan.outputCount == network.plain.outputCount
        else { throw ShoalFailure(.argument, "hooks run the one operating point of the network that they belong to") }
        try self.init(points, threads: 1, hooked: network)
        (self.budget, sensors) = (budget, hooks.sensors)
    }

    private init(
        _ points: [OperatingPoint], threads: Int, hooked: (any HookedNetwork)?
    ) throws(ShoalFailure) {
        self.hooked = hooked
        guard !points.isEmpty else { throw ShoalFailure(.argument, "a session needs at least one operating point") }
        guard (1...Self.threadLimit).contains(threads) else {
            throw ShoalFailure(.argument, "\(threads) threads: give 1 to \(Self.threadLimit)")
        }
        self.points = points
        let plans = points.compactMap(\.plan)
        session = plans.isEmpty ? nil : Session(for: plans, threads: threads)
        hybrids = points.map { point in
            guard case .hybrid(let network, _, _) = point.work else { return nil }
            return HybridSession(network, threads: threads)
        }
        image = AlignedBuffer(count: points.map(\.inputCount).max() ?? 0)
        output = AlignedBuffer(count: points.compactMap(\.outputCount).max() ?? 0)
        preprocessors = Array(repeating: nil, count: points.count)
    }

    /// Makes another point the active one: the whole of a switch.
    /// - Parameter point: an index into `points`.
    public func activate(_ point: Int) throws(ShoalFailure) {
        guard points.indices.contains(point) else {
            throw ShoalFailure(.argument, "operating point \(point) of \(points.count)")
        }
        active = point
    }

    /// Runs the active point on what the network reads: channel by channel, row by row, already normalised.
    /// - Parameter planar: `channels x height x width` values of the active point. They are not looked at: of values
    ///   that are no numbers (NaN) the answer means nothing, though it may look like one.
    public func run(planar: Span<Float>) throws(ShoalFailure) {
        let point = points[active]
        guard planar.count == point.inputCount else {
            throw ShoalFailure(
                .image,
                "\(planar.count) values, the operating point reads \(point.channels) x \(point.height) x "
                    + "\(point.width)")
        }
        try planar.withUnsafeBufferPointer { (values) throws(ShoalFailure) in try run(values) }
    }

    /// Runs the active point on an image of bytes, of any size: resized (bilinear) and normalised as the package says.
    /// - Parameter pixels: `channels x height x width` bytes in the order that `layout` says.
    public func run(
        pixels: Span<UInt8>, height: Int, width: Int, layout: PixelLayout = .interleaved
    ) throws(ShoalFailure) {
        let channels = points[active].channels
        guard (1...Self.sideLimit).contains(height), (1...Self.sideLimit).contains(width) else {
            throw ShoalFailure(.image, "\(height) x \(width) pixels, 1 to \(Self.sideLimit) a side are taken")
        }
        guard pixels.count == channels * height * width else {
            throw ShoalFailure(
                .image,
                "\(pixels.count) bytes for \(height) x \(width) pixels, the operating point reads \(channels) channels")
        }
        let preprocessor = preprocessor(height: height, width: width)
        let input = UnsafeMutableBufferPointer(start: image.base, count: points[active].inputCount)
        pixels.withUnsafeBufferPointer { preprocessor.convert($0, layout.order, into: input) }
        try run(UnsafeBufferPointer(input))
    }

    /// Runs the active point on a JPEG or PNG file's bytes: scaled to cover what the network reads and a
    /// seventh more where it is that large, its centre cut out, and normalised; grey for a network of one channel.
    public func run(encoded: [UInt8]) throws(ShoalFailure) {
        let found: ImageSet?
        let point = points[active]
        do { found = try ImageSet.photo(encoded, fittingTo: point.size, channels: point.channels) } catch {
            throw ShoalFailure(.image, "the picture \(error)")
        }
        guard let found else { throw ShoalFailure(.image, "the picture is neither a JPEG nor a PNG") }
        guard found.channels == points[active].channels else {
            throw ShoalFailure(
                .image, "pictures have \(found.channels) channels, the network reads \(points[active].channels)")
        }
        try run(pixels: found.pixels.span, height: found.height, width: found.width, layout: .planar)
    }

    /// Tells the gates what a sensor reads, until it is told again; 0 before.
    /// - Parameter name: one of `Hooks.sensors`.
    public func setSensor(_ name: String, to value: Double) throws(ShoalFailure) {
        guard let index = sensors.firstIndex(of: name) else {
            throw ShoalFailure(.argument, "the gates read no sensor \(name)")
        }
        hooked?.readings?.setSensor(index, to: value)
    }

    /// Hands out the output of the last run, without copying it; empty before the first.
    public func withLogits<Result, Failure: Error>(
        _ body: (Span<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeBufferPointer(start: output.base, count: outputCount).span)
    }

    /// A copy of the output of the last run.
    public var logits: [Float] { Array(UnsafeBufferPointer(start: output.base, count: outputCount)) }

    /// The largest values of the last run's output, largest first; of equal ones the first comes first.
    public func top(_ count: Int) -> [Ranked] {
        let values = logits
        return values.indices.sorted { (values[$0], $1) > (values[$1], $0) }.prefix(max(0, count)).map {
            Ranked(index: $0, value: values[$0])
        }
    }

    private func preprocessor(height: Int, width: Int) -> ImagePreprocessor {
        if pixelSize != (height, width) {
            for point in preprocessors.indices { preprocessors[point] = nil }
            pixelSize = (height, width)
        }
        if let known = preprocessors[active] { return known }
        let made = points[active].preprocessor(height: height, width: width)
        preprocessors[active] = made
        return made
    }

    /// - Precondition: as many values as the active point reads.
    private func run(_ planar: UnsafeBufferPointer<Float>) throws(ShoalFailure) {
        switch points[active].work {
        case .plan(let plan):
            guard let session else { preconditionFailure("a plan without a session") }
            if let hooked, budget >= 0 {
                let answer = hooked.answer(planar, budget: budget)
                (decisionsTaken, hookedFlops) = (answer.taken, answer.flops)
                keep(answer.logits)
            } else {
                (decisionsTaken, hookedFlops) = (0, plan.flops)
                keep(session.run(plan, on: planar))
            }
        case .hybrid(_, let input, let name):
            guard let hybrid = hybrids[active] else { preconditionFailure("a part without kernels without a session") }
            let point = points[active]
            let shape = [1, point.channels, point.height, point.width]
            let result: [String: TensorValue]
            do { result = try hybrid.run([input: TensorValue(shape: shape, .float32(Array(planar)))]) } catch {
                throw ShoalFailure(.file, "\(error)")
            }
            guard let values = result[name]?.floats else {
                throw ShoalFailure(.file, "the output \(name.printable) holds no numbers")
            }
            if values.count > output.count { output = AlignedBuffer(count: values.count) }
            values.withUnsafeBufferPointer(keep)
        }
    }

    /// Out of the arena, so that the result stays until the next run.
    private func keep(_ values: UnsafeBufferPointer<Float>) {
        if let start = values.baseAddress { output.base.update(from: start, count: values.count) }
        outputCount = values.count
    }
}

/// How the bytes of an image follow each other.
public enum PixelLayout: Sendable {
    /// Channel by channel, row by row.
    case planar
    /// Row by row, the channels of a pixel side by side, as decoders and cameras give them.
    case interleaved

    var order: ImagePreprocessor.Layout { self == .planar ? .planar : .interleaved }
}

extension OperatingPoint {
    var plan: Plan? { if case .plan(let plan) = work { plan } else { nil } }
}
