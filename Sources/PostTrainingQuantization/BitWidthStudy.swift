public import Engine
public import Fusion
public import Graphs

/// What fewer bits would do to a network: weights and the maps that convolutions read, rounded to 2 to 8 bits between
/// kernels of 32 bits. For study: kernels compute in 8 bits at the least.
///
/// Weights are symmetric by output channel; maps are unsigned with a zero point, over the ranges of 8 bits. Ranges
/// chosen for each width apart, or training with the rounding (DQNet), lose less at 4 bits and below.
public struct BitWidthStudy {
    public static let widths = 2...8

    /// Over the images, against the network as it is.
    public struct Result: Codable, Equatable, Sendable {
        /// Mean distance of the answers.
        public var damage = 0.0
        /// Share of images of the same class.
        public var agreement = 0.0
        /// Share of images of their labels' class, where there are labels.
        public var top1: Double?
    }

    /// How far an answer, the second, lies from the network's own.
    public typealias Distance = (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Float

    public let network: FusedNetwork
    /// Places of the convolutions among the steps.
    public let places: [Int]
    private let ranges: EightBitRanges
    private let kernels: KernelSet
    private let images: (Int) -> UnsafeBufferPointer<Float>
    private let labels: [Int]?
    private let distance: Distance
    private let answers: [[Float]]

    /// - Parameters:
    ///   - network: real, with the channels that the ranges were measured on.
    ///   - count: of the images; `images` gives one, valid until the next call.
    /// - Throws: where no kernel covers a step.
    public init(
        _ network: FusedNetwork, _ ranges: EightBitRanges, kernels: KernelSet, count: Int, labels: [Int]?,
        images: @escaping (Int) -> UnsafeBufferPointer<Float>, distance: @escaping Distance
    ) throws(GraphFailure) {
        (self.network, self.ranges, self.kernels) = (network, ranges, kernels)
        (self.images, self.labels, self.distance) = (images, labels, distance)
        places = network.steps.indices.filter {
            if case .convolution = network.steps[$0].work { true } else { false }
        }
        let plan = try network.plan(kernels: kernels)
        let session = Session(for: [plan])
        answers = (0..<count).map { Array(session.run(plan, on: images($0))) }
    }

    public func weightCount(_ index: Int) -> Int {
        guard case .convolution(let convolution) = network.steps[places[index]].work else { return 0 }
        return convolution.weights.count
    }

    /// The network as it is.
    public var plain: Result { result(answers.indices.lazy.map { answers[$0] }) }

    /// - Parameters:
    ///   - bits: of every convolution, 2 to 8; `nil` leaves one as it is.
    ///   - limit: of the images, the first ones.
    /// - Throws: where no kernel covers a step.
    public func run(_ bits: [Int?], limit: Int = .max) throws(GraphFailure) -> Result {
        let (rounded, roundings) = rounded(bits)
        let plan = try SteppedPlan(rounded, kernels: kernels)
        let arena = plan.makeArena()
        return result(
            (0..<min(limit, answers.count)).lazy.map { index in
                let output = plan.run(on: images(index), in: arena) { step, map in
                    guard let rounding = roundings[step] else { return }
                    rounding.apply(to: map)
                }
                return withExtendedLifetime(arena) { Array(output) }
            })
    }

    private func result(_ outputs: some Sequence<[Float]>) -> Result {
        var (damage, agreeing, correct, count) = (0.0, 0, 0, 0)
        for (index, output) in outputs.enumerated() {
            damage += Double(
                answers[index].withUnsafeBufferPointer { full in
                    output.withUnsafeBufferPointer { distance(full, $0) }
                })
            let best = Self.best(output)
            if best == Self.best(answers[index]) { agreeing += 1 }
            if best == labels?[index] { correct += 1 }
            count += 1
        }
        let share = 1 / Double(max(1, count))
        return Result(
            damage: damage * share, agreement: Double(agreeing) * share,
            top1: labels == nil ? nil : Double(correct) * share)
    }

    private static func best(_ values: [Float]) -> Int? {
        values.indices.max { values[$0] < values[$1] }
    }

    /// Every rounded convolution reads a copy of its own, which `run` rounds.
    func rounded(_ bits: [Int?]) -> (FusedNetwork, roundings: [Int: WidthRounding]) {
        precondition(bits.count == places.count, "\(bits.count) widths")
        var (steps, roundings) = ([FusedStep](), [Int: WidthRounding]())
        var next = 0
        for step in network.steps {
            guard case .convolution(let convolution) = step.work else {
                steps.append(step)
                continue
            }
            defer { next += 1 }
            guard let width = bits[next], let range = ranges.quantizations[step.inputs[0]] else {
                steps.append(step)
                continue
            }
            precondition(Self.widths.contains(width), "\(width) bits")
            let copy = step.output + ".read"
            roundings[steps.count] = WidthRounding(range.values, bits: width)
            steps.append(
                FusedStep(
                    name: copy, work: .nothing, inputs: step.inputs, output: copy, shape: shape(of: step.inputs[0])))
            let rounded = convolution.quantized(inputMeans: ranges.means[step.inputs[0]] ?? [], bits: width)
            steps.append(
                FusedStep(
                    name: step.name, work: .convolution(rounded), inputs: [copy], output: step.output,
                    shape: step.shape, finish: step.finish))
        }
        return (FusedNetwork(inputs: network.inputs, steps: steps, outputs: network.outputs), roundings)
    }

    private func shape(of value: String) -> MapShape {
        network.steps.first { $0.output == value }?.shape ?? network.inputShape
    }
}

extension BitWidthStudy {
    /// Assignments of widths from 8 bits throughout down to 2: in each step the convolution whose measured damage alone
    /// grows least for the bits of weights that it saves loses one.
    /// - Parameter damages: by convolution and width, 8 included.
    public func descent(_ damages: [[Int: Double]]) -> [[Int]] {
        var bits = [Int](repeating: Self.widths.upperBound, count: places.count)
        var result = [bits]
        while true {
            let moves = bits.indices.filter { bits[$0] > Self.widths.lowerBound }.map { index in
                let growth = (damages[index][bits[index] - 1] ?? 1) - (damages[index][bits[index]] ?? 0)
                return (index: index, price: growth / Double(max(1, weightCount(index))))
            }
            guard let best = moves.min(by: { ($0.price, $0.index) < ($1.price, $1.index) }) else { return result }
            bits[best.index] -= 1
            result.append(bits)
        }
    }

    /// Mean over all weights.
    public func meanBits(_ bits: [Int]) -> Double {
        let counts = places.indices.map(weightCount)
        let sum = zip(bits, counts).reduce(0) { $0 + $1.0 * $1.1 }
        return Double(sum) / Double(max(1, counts.reduce(0, +)))
    }
}

/// Rounding of real values to 2^bits steps over a range with zero in it, which stands for itself exactly.
struct WidthRounding: Equatable {
    let scale: Float
    let zero: Float
    let most: Float

    init(_ range: ClosedRange<Float>, bits: Int) {
        most = Float((1 << bits) - 1)
        scale = max((range.upperBound - range.lowerBound) / most, .leastNormalMagnitude)
        zero = (-range.lowerBound / scale).rounded(.toNearestOrEven)
    }

    @inline(__always)
    func callAsFunction(_ value: Float) -> Float {
        (min(max((value / scale).rounded(.toNearestOrEven) + zero, 0), most) - zero) * scale
    }

    /// Lanes beyond the channels keep what they hold.
    func apply(to map: StepMap) {
        map.forEachBlock { _, count, pixels in
            let lanes = pixels.count / map.shape.pixels
            for first in stride(from: 0, to: pixels.count, by: lanes) {
                for index in first..<first + count { pixels[index] = self(pixels[index]) }
            }
        }
    }
}
