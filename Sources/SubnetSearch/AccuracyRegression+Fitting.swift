import SearchSpace

/// Why samples cannot be fitted.
public struct RegressionRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String

    public var description: String { "accuracy regression: \(reason)" }
}

/// Samples in the form that fitting needs.
struct RegressionData {
    private(set) var inputs: [[Int32]]
    private(set) var targets: [Double]
    let inputCount: Int

    init(_ samples: [AccuracyRegression.Sample], encoding: ArchitectureEncoding) throws {
        let (least, most) = (AccuracyRegression.minimumSamples, AccuracyRegression.sampleLimit)
        guard (least...most).contains(samples.count) else {
            throw RegressionRefusal(reason: "\(samples.count) samples are outside \(least)...\(most)")
        }
        for (index, sample) in samples.enumerated() where !(0...1).contains(sample.top1) {
            throw RegressionRefusal(reason: "sample \(index): top-1 \(sample.top1) is outside 0...1")
        }
        let indexed = IndexedSearchSpace(encoding.space)
        var places = Array(repeating: Int32(0), count: encoding.activeFeatureLimit)
        inputs = try samples.map { sample in
            let count = encoding.activeFeatures(of: try indexed.indices(of: sample.configuration), into: &places)
            return Array(places.prefix(count))
        }
        targets = samples.map(\.top1)
        inputCount = encoding.featureCount
    }

    private init(inputs: [[Int32]], targets: [Double], inputCount: Int) {
        (self.inputs, self.targets, self.inputCount) = (inputs, targets, inputCount)
    }

    var count: Int { targets.count }

    mutating func shuffle(using generator: inout SeededGenerator) {
        let order = targets.indices.shuffled(using: &generator)
        inputs = order.map { inputs[$0] }
        targets = order.map { targets[$0] }
    }

    func part(_ places: some Sequence<Int>) -> RegressionData {
        let places = Array(places)
        return RegressionData(
            inputs: places.map { inputs[$0] }, targets: places.map { targets[$0] }, inputCount: inputCount)
    }

    /// The same samples with targets less these values.
    func reduced(by values: [Double]) -> RegressionData {
        RegressionData(inputs: inputs, targets: zip(targets, values).map { $0 - $1 }, inputCount: inputCount)
    }

    /// The mean output of the members for every sample.
    func predictions(of members: [MultilayerPerceptron]) -> [Double] {
        let packed = members.map(PackedPerceptron.init)
        var scratch = PerceptronScratch(
            widest: packed.map(\.widest).reduce(0, max), activeLimit: inputs.map(\.count).reduce(0, max))
        return inputs.map { active in
            var sum = [0.0]
            for (index, place) in active.enumerated() { scratch.active[index] = place }
            scratch.activeCounts[0] = Int32(active.count)
            for member in packed { member.evaluate(count: 1, scratch: &scratch, addingTo: &sum) }
            return sum[0] / Double(members.count)
        }
    }

}

extension AccuracyRegression.Quality {
    init(predictions: [Double], measured: [Double]) {
        let errors = zip(predictions, measured).reduce(0) { $0 + abs($1.0 - $1.1) }
        self.init(
            spearman: RankStatistics.spearman(predictions, measured),
            meanAbsoluteError: errors / Double(measured.count), count: measured.count)
    }
}

extension AccuracyRegression {
    /// Every method's predictions of each fold by a fit to the others, judged together.
    func compare(
        _ data: RegressionData, using generator: inout SeededGenerator
    ) -> [(method: Method, quality: Quality)] {
        let folds = (0..<settings.folds).map { fold in
            let others = data.part((0..<data.count).filter { $0 % settings.folds != fold })
            return (fold: data.part((0..<data.count).filter { $0 % settings.folds == fold }), others: others)
        }
        let measured = folds.flatMap(\.fold.targets)
        let ridges = settings.penalties.map { penalty in
            let predictions = folds.flatMap { $0.fold.predictions(of: [ridge($0.others, penalty)]) }
            return (penalty: penalty, quality: Quality(predictions: predictions, measured: measured))
        }
        var results = ridges.map { (method: Method.ridge(penalty: $0.penalty), quality: $0.quality) }
        guard settings.perceptrons > 0 else { return results }
        let best = ridges.dropFirst().reduce(ridges[0]) {
            $1.quality.meanAbsoluteError < $0.quality.meanAbsoluteError ? $1 : $0
        }
        for method in [
            Method.perceptrons(count: settings.perceptrons),
            .boosted(penalty: best.penalty, count: settings.perceptrons),
        ] {
            var predictions: [Double] = []
            for fold in folds {
                let members = members(of: method, fittedTo: fold.others, using: &generator)
                predictions += fold.fold.predictions(of: members)
            }
            results.append((method, Quality(predictions: predictions, measured: measured)))
        }
        return results
    }

    func members(
        of method: Method, fittedTo data: RegressionData, using generator: inout SeededGenerator
    ) -> [MultilayerPerceptron] {
        switch method {
        case .ridge(let penalty):
            return [ridge(data, penalty)]
        case .perceptrons(let count):
            return perceptronEnsemble(data, count, scaledBy: 1, using: &generator)
        case .boosted(let penalty, let count):
            let linear = ridge(data, penalty)
            let rest = data.reduced(by: data.predictions(of: [linear]))
            // The mean of as many doubled linear members as doubled perceptrons is their sum.
            return perceptronEnsemble(rest, count, scaledBy: 2, using: &generator)
                + Array(repeating: linear.scaled(by: 2), count: count)
        }
    }

    private func ridge(_ data: RegressionData, _ penalty: Double) -> MultilayerPerceptron {
        let fit = RidgeRegression.fit(
            inputs: data.inputs, targets: data.targets, inputCount: data.inputCount, penalty: penalty)
        return valid([
            .init(
                inputs: data.inputCount, outputs: 1, weights: fit.weights.map { Float($0) }, bias: [Float(fit.bias)])
        ])
    }

    private func perceptronEnsemble(
        _ data: RegressionData, _ count: Int, scaledBy factor: Float, using generator: inout SeededGenerator
    ) -> [MultilayerPerceptron] {
        let mean = data.targets.reduce(0, +) / Double(data.count)
        let variance = data.targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(data.count)
        let scale = variance > 0 ? variance.squareRoot() : 1
        let targets = data.targets.map { Float(($0 - mean) / scale) }
        return (0..<count).map { _ in
            var trainer = PerceptronTrainer(inputCount: data.inputCount, settings: .init(), seed: generator.next())
            trainer.train(inputs: data.inputs, targets: targets)
            return valid(trainer.layers(scale: Float(scale), offset: Float(mean))).scaled(by: factor)
        }
    }

    private func valid(_ layers: [MultilayerPerceptron.Layer]) -> MultilayerPerceptron {
        do { return try MultilayerPerceptron(layers: layers) } catch {
            preconditionFailure("fitting gave no perceptron: \(error)")
        }
    }
}
