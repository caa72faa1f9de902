public import HookNetworks
public import SearchSpace

/// Trains a gate further from where all boards begin, on one board's samples. Standardisation stays as it is.
///
/// Of every five runs of sixteen samples the last is held back: frames that follow each other are alike, and a sample
/// next to a training one would flatter.
public struct GateRefiner: Sendable {
    public struct Settings: Equatable, Sendable {
        public var epochs = 4
        public var batch = 32
        public var learningRate = 1e-3
        public var weightDecay = 0.0
        /// Pull towards the start, which keeps boards whose data differ from drifting apart (FedProx, Li et al. 2020).
        public var pull = 0.0

        public init() {}
    }

    public struct Refined: Sendable {
        public var gate: Gate
        /// Learned from.
        public var samples: Int
        /// On what was held back, of the start and of what came out.
        public var before: GateValidation
        public var after: GateValidation
    }

    /// Samples below which there is nothing to learn.
    public static let fewestSamples = 32
    private static let run = 16
    private static let runs = 5

    public let settings: Settings

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    static func isHeldBack(_ index: Int) -> Bool { index / run % runs == runs - 1 }

    /// - Parameter mayGoOn: asked before every batch; the training is given up where it says no.
    /// - Returns: `nil` where there are too few samples, the gate is no perceptron, or it was given up.
    public func refine(
        _ start: Gate, _ samples: GateSamples, seed: UInt64, mayGoOn: () -> Bool = { true }
    ) -> Refined? {
        let folded = start.folded
        guard case .perceptron(var network) = folded.predictor, samples.featureCount == start.features else {
            return nil
        }
        let training = (0..<samples.count).filter { !Self.isHeldBack($0) }
        guard training.count >= Self.fewestSamples else { return nil }
        let inputs = training.map { folded.standardised(samples.features($0)) }
        let origin = network.parameters
        var generator = SeededGenerator(seed: seed)
        var optimizer = Optimizer(
            .usualAdam, learningRate: settings.learningRate, weightDecay: settings.weightDecay,
            parameterCount: network.parameters.count)
        var trace = Perceptron.Trace(network.layers)
        for _ in 0..<settings.epochs {
            let order = Array(training.indices).shuffled(using: &generator)
            for first in stride(from: 0, to: order.count, by: settings.batch) {
                guard mayGoOn() else { return nil }
                let batch = order[first..<min(first + settings.batch, order.count)]
                var gradient = zip(network.parameters, origin).map { settings.pull * ($0 - $1) }
                for index in batch {
                    trace.run(network, on: inputs[index])
                    let slope = Loss.logistic.gradient(trace.output, [Double(samples.damage(training[index]))])
                    trace.backpropagate(network, slope.map { $0 / Double(batch.count) }, into: &gradient)
                }
                optimizer.step(&network.parameters, gradient)
            }
        }
        var gate = Gate(
            mean: start.mean, deviation: start.deviation, predictor: .perceptron(network), slope: 1, offset: 0,
            validation: .unknown)
        gate.validation = Self.validation(of: gate, on: samples)
        return Refined(
            gate: gate, samples: training.count, before: Self.validation(of: start, on: samples),
            after: gate.validation)
    }

    /// What a gate is worth on the samples that no board trains on, against the mean damage of the others.
    public static func validation(of gate: Gate, on samples: GateSamples) -> GateValidation {
        var (sum, count) = (0.0, 0)
        var predictions: [(prediction: Double, damage: Double)] = []
        for index in 0..<samples.count {
            let damage = Double(samples.damage(index))
            if isHeldBack(index) {
                predictions.append((gate.predictedDamage(samples.features(index).map { Double($0) }), damage))
            } else {
                (sum, count) = (sum + damage, count + 1)
            }
        }
        guard !predictions.isEmpty, count > 0 else { return .unknown }
        return GateTrainer.validation(predictions, constant: sum / Double(count))
    }
}

extension Gate {
    fileprivate func standardised(_ features: ArraySlice<Float>) -> [Double] {
        zip(features, zip(mean, deviation)).map { (Double($0) - $1.0) / $1.1 }
    }
}
