import Glibc
public import SearchSpace

/// How gates learn.
public enum TrainingAlgorithm: String, Codable, Sendable, CaseIterable {
    case backpropagation = "backprop"
    case forwardForward = "forward-forward"
}

/// Trains one gate on samples. The same samples and seed give the same gate.
///
/// Of ten samples, seven train the weights, the next two choose the best epoch and fit the calibration, and one judges.
public struct GateTrainer: Sendable {
    public struct Settings: Codable, Equatable, Sendable {
        public var algorithm = TrainingAlgorithm.backpropagation
        /// Without any, of backpropagation only, the score is linear in the features.
        public var hidden = 16
        public var hasLayerNorm = false
        public var optimizer = Optimizer.Method.usualAdam
        public var learningRate = 2e-3
        public var weightDecay = 1.0
        public var epochs = 40
        public var batch = 32

        public init() {}
    }

    /// Samples below which no gate is made.
    public static let fewestSamples = 10 * GateValidation.fewestSamples
    /// Samples that are computed with between two questions whether to go on.
    private static let piece = 64

    public let settings: Settings

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    private struct Sample {
        var features: [Double]
        var damage: Double
    }

    /// - Parameter mayGoOn: asked before every batch; the training is given up where it says no.
    /// - Returns: `nil` where there are too few samples to judge a gate by, or features that are not numbers.
    public func train(_ samples: GateSamples, seed: UInt64, mayGoOn: () -> Bool = { true }) -> Gate? {
        guard samples.count >= Self.fewestSamples else { return nil }
        var generator = SeededGenerator(seed: seed)
        let order = Array(0..<samples.count).shuffled(using: &generator)
        let (mean, deviation) = Self.statistics(samples)
        guard (mean + deviation).allSatisfy(\.isFinite) else { return nil }
        let all = order.map { index in
            Sample(
                features: samples.features(index).enumerated().map { (Double($1) - mean[$0]) / deviation[$0] },
                damage: Double(samples.damage(index)))
        }
        let (first, second) = (all.count * 7 / 10, all.count * 9 / 10)
        let (training, tuning, check) = (all[..<first], all[first..<second], all[second...])
        let trained =
            switch settings.algorithm {
            case .backpropagation: backpropagated(Array(training), tuning, &generator, mayGoOn)
            case .forwardForward: forwardForward(Array(training), tuning, &generator, mayGoOn)
            }
        guard let predictor = trained else { return nil }
        guard let tuned = scored(tuning, mayGoOn, predictor.score),
            let checked = scored(check, mayGoOn, predictor.score)
        else { return nil }
        let (slope, offset) = Self.calibration(tuned)
        let constant = training.reduce(0) { $0 + $1.damage } / Double(training.count)
        let predictions = checked.map { (Loss.logistic(slope * $0.score + offset), $0.damage) }
        return Gate(
            mean: mean, deviation: deviation, predictor: predictor, slope: slope, offset: offset,
            validation: Self.validation(predictions, constant: constant))
    }

    private static func statistics(_ samples: GateSamples) -> (mean: [Double], deviation: [Double]) {
        var sums = [Double](repeating: 0, count: samples.featureCount)
        var squares = sums
        for index in 0..<samples.count {
            for (position, value) in samples.features(index).enumerated() {
                sums[position] += Double(value)
                squares[position] += Double(value) * Double(value)
            }
        }
        let count = Double(samples.count)
        let mean = sums.map { $0 / count }
        // A feature that does not vary says nothing; dividing by 1 leaves it at 0.
        let deviation = zip(squares, mean).map { square, mean in
            let variance = square / count - mean * mean
            return variance > 1e-10 * max(1, mean * mean) ? variance.squareRoot() : 1
        }
        return (mean, deviation)
    }

    // MARK: Algorithms

    /// Scores of the samples with their damages; `nil` where the training is given up.
    private func scored(
        _ samples: ArraySlice<Sample>, _ mayGoOn: () -> Bool, _ score: ([Double]) -> Double
    ) -> [(score: Double, damage: Double)]? {
        var result: [(score: Double, damage: Double)] = []
        result.reserveCapacity(samples.count)
        for sample in samples {
            if result.count % Self.piece == 0, !mayGoOn() { return nil }
            result.append((score(sample.features), sample.damage))
        }
        return result
    }

    private func backpropagated(
        _ training: [Sample], _ tuning: ArraySlice<Sample>, _ generator: inout SeededGenerator, _ mayGoOn: () -> Bool
    ) -> Gate.Predictor? {
        let (count, hidden) = (training[0].features.count, settings.hidden)
        var layers: [Layer] = []
        if hidden > 0 {
            layers = [.linear(inputs: count, outputs: hidden), .bias(count: hidden)]
            if settings.hasLayerNorm { layers.append(.layerNorm(count: hidden)) }
            layers.append(.relu(count: hidden))
        }
        layers += [.linear(inputs: hidden > 0 ? hidden : count, outputs: 1), .bias(count: 1)]
        var network = Perceptron(layers, using: &generator)
        var optimizer = optimizer(for: network.parameters.count)
        var trace = Perceptron.Trace(layers)
        var best = (loss: Double.infinity, network: network)
        for epoch in 0..<settings.epochs {
            optimizer.learningRate = rate(epoch)
            let order = Array(training.indices).shuffled(using: &generator)
            for start in stride(from: 0, to: order.count, by: settings.batch) {
                guard mayGoOn() else { return nil }
                let batch = order[start..<min(start + settings.batch, order.count)]
                var gradient = [Double](repeating: 0, count: network.parameters.count)
                for index in batch {
                    trace.run(network, on: training[index].features)
                    let slope = Loss.logistic.gradient(trace.output, [training[index].damage])
                    trace.backpropagate(network, slope.map { $0 / Double(batch.count) }, into: &gradient)
                }
                optimizer.step(&network.parameters, gradient)
            }
            guard let scores = scored(tuning, mayGoOn, { network.output(for: $0)[0] }) else { return nil }
            let loss = Self.loss(scores)
            if loss < best.loss { best = (loss, network) }
        }
        return .perceptron(best.network)
    }

    private func forwardForward(
        _ training: [Sample], _ tuning: ArraySlice<Sample>, _ generator: inout SeededGenerator, _ mayGoOn: () -> Bool
    ) -> Gate.Predictor? {
        var network = ForwardForward(
            features: training[0].features.count, widths: [settings.hidden, settings.hidden], using: &generator)
        var optimizers = network.layers.map { optimizer(for: $0.parameters.count) }
        var best = (loss: Double.infinity, network: network)
        // Harmful decisions are rare: both classes weigh the same while learning; calibration undoes it.
        let harm = max(1e-6, training.reduce(0) { $0 + $1.damage } / Double(training.count))
        for epoch in 0..<settings.epochs {
            for index in optimizers.indices { optimizers[index].learningRate = rate(epoch) }
            for (position, index) in Array(training.indices).shuffled(using: &generator).enumerated() {
                guard position % settings.batch > 0 || mayGoOn() else { return nil }
                // A damage of 0.3 is harmful three times in ten.
                let isHarmful = generator.uniform() < training[index].damage
                let weight = isHarmful ? min(0.5 / harm, 50) : 0.5 / (1 - min(harm, 0.99))
                network.learn(
                    training[index].features, label: isHarmful ? 1 : 0, weight: weight, &optimizers)
            }
            guard let scores = scored(tuning, mayGoOn, { network.score($0) }) else { return nil }
            let (slope, offset) = Self.calibration(scores)
            let loss = Self.loss(scores.map { (slope * $0.0 + offset, $0.1) })
            if loss < best.loss { best = (loss, network) }
        }
        return .forwardForward(best.network)
    }

    private func optimizer(for count: Int) -> Optimizer {
        Optimizer(
            settings.optimizer, learningRate: settings.learningRate, weightDecay: settings.weightDecay,
            parameterCount: count)
    }

    /// Falls along half a cosine.
    private func rate(_ epoch: Int) -> Double {
        settings.learningRate * max(0.02, 0.5 + 0.5 * cos(Double.pi * Double(epoch) / Double(settings.epochs)))
    }

    // MARK: Calibration and judgement

    private static func loss(_ pairs: [(score: Double, damage: Double)]) -> Double {
        pairs.reduce(0) { $0 + Loss.logistic.value([$1.score], [$1.damage]) } / Double(max(1, pairs.count))
    }

    /// Slope and offset that minimise the logistic loss, by Newton's method; the slope is kept from turning negative.
    static func calibration(_ pairs: [(score: Double, damage: Double)]) -> (slope: Double, offset: Double) {
        var (slope, offset) = (1.0, 0.0)
        for _ in 0..<50 {
            var (g0, g1, h00, h01, h11) = (0.0, 1e-3 * (slope - 1), 1e-9, 0.0, 1e-3)
            for pair in pairs {
                let value = Loss.logistic(slope * pair.score + offset)
                let (error, weight) = (value - pair.damage, max(value * (1 - value), 1e-9))
                g0 += error
                g1 += error * pair.score
                h00 += weight
                h01 += weight * pair.score
                h11 += weight * pair.score * pair.score
            }
            let determinant = h00 * h11 - h01 * h01
            guard determinant > 1e-12 else { break }
            let stepOffset = (h11 * g0 - h01 * g1) / determinant
            let stepSlope = (h00 * g1 - h01 * g0) / determinant
            offset -= min(max(stepOffset, -2), 2)
            slope = max(0.01, slope - min(max(stepSlope, -1), 1))
            if abs(stepOffset) + abs(stepSlope) < 1e-9 { break }
        }
        return (slope, offset)
    }

    /// What predictions are worth.
    /// - Parameter constant: the damage that a gate would have to predict better than.
    public static func validation(
        _ predictions: [(prediction: Double, damage: Double)], constant: Double
    ) -> GateValidation {
        func loss(_ prediction: Double, _ damage: Double) -> Double {
            let safe = min(max(prediction, 1e-9), 1 - 1e-9)
            return -damage * log(safe) - (1 - damage) * log(1 - safe)
        }
        let count = Double(max(1, predictions.count))
        let accepted = predictions.sorted { $0.prediction < $1.prediction }.prefix(max(1, predictions.count / 2))
        return GateValidation(
            samples: predictions.count, loss: predictions.reduce(0) { $0 + loss($1.prediction, $1.damage) } / count,
            constantLoss: predictions.reduce(0) { $0 + loss(constant, $1.damage) } / count,
            acceptedDamage: accepted.reduce(0) { $0 + $1.damage } / Double(accepted.count),
            acceptedPrediction: accepted.reduce(0) { $0 + $1.prediction } / Double(accepted.count))
    }
}
