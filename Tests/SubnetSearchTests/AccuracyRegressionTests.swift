import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct AccuracyRegressionTests {
    let space = SearchFixture.space

    /// Two folds and single perceptrons, which take a sixth of the default's time.
    private var regression: AccuracyRegression {
        var settings = AccuracyRegression.Settings()
        (settings.folds, settings.perceptrons) = (2, 1)
        return AccuracyRegression(encoding: ArchitectureEncoding(space), settings: settings)
    }

    /// Accuracy that grows with depth, width, kernels and resolution, with diminishing returns, and a little noise.
    private func samples(_ count: Int, _ generator: inout SeededGenerator) -> [AccuracyRegression.Sample] {
        (0..<count).map { _ in
            let subnet = space.sample(using: &generator)
            var size = Double(subnet.resolution - 160) / 8
            for position in 0..<20 where space.isActive(position: position, depths: subnet.depths) {
                size += 0.5 * Double(subnet.expandRatios[position]) + 0.3 * Double(subnet.kernelSizes[position])
                size += position < 8 ? 1 : 2
            }
            let noise = Double.random(in: -0.001...0.001, using: &generator)
            return .init(configuration: subnet, top1: 0.8 - 4 / (size + 20) + noise)
        }
    }

    @Test func recoversAFunctionOnUnseenSubnets() throws {
        var generator = SeededGenerator(seed: 101)
        let known = samples(160, &generator)
        let unseen = samples(300, &generator)

        let outcome = try regression.fit(known, using: &generator)

        let predictions = try unseen.map { try outcome.predictor.predict($0.configuration) }
        let spearman = try #require(RankStatistics.spearman(predictions, unseen.map(\.top1)))
        let error = zip(predictions, unseen).reduce(0) { $0 + abs($1.0 - $1.1.top1) } / 300
        #expect(spearman > 0.9, "seed 101, \(outcome.method)")
        #expect(error < 0.005)
        #expect(outcome.heldOut.count == 32)
        #expect(try #require(outcome.heldOut.spearman) > 0.85)
        // What the held-out part says is what unseen subnets confirm.
        #expect(outcome.heldOut.meanAbsoluteError < 3 * error && outcome.heldOut.meanAbsoluteError > error / 3)
    }

    @Test func theMethodIsTheBestOfCrossValidation() throws {
        var generator = SeededGenerator(seed: 102)
        let outcome = try regression.fit(samples(60, &generator), using: &generator)
        let best = try #require(
            outcome.crossValidation.min { $0.quality.meanAbsoluteError < $1.quality.meanAbsoluteError })
        #expect(outcome.method == best.method)
        #expect(outcome.crossValidation.count == 7)
        #expect(outcome.crossValidation.allSatisfy { $0.quality.count == 48 })
    }

    @Test func aSeedGivesTheSamePredictor() throws {
        var generator = SeededGenerator(seed: 103)
        let known = samples(30, &generator)
        var (first, second) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
        #expect(
            try regression.fit(known, using: &first).predictor == regression.fit(known, using: &second).predictor)
    }

    /// A boosted predictor is the sum of the linear fit and the mean of its perceptrons.
    @Test func boostedMembersAddUp() throws {
        var generator = SeededGenerator(seed: 104)
        let encoding = ArchitectureEncoding(space)
        let data = try RegressionData(samples(40, &generator), encoding: encoding)
        let linear = regression.members(of: .ridge(penalty: 1), fittedTo: data, using: &generator)
        let boosted = regression.members(of: .boosted(penalty: 1, count: 2), fittedTo: data, using: &generator)
        #expect(boosted.count == 4)
        let (base, sums) = (data.predictions(of: linear), data.predictions(of: boosted))
        let corrections = data.predictions(of: Array(boosted.prefix(2)))
        for ((a, b), sum) in zip(zip(base, corrections), sums) { #expect(abs(a + b / 2 - sum) < 1e-5) }
    }

    @Test func equalAccuraciesAreFittedWithoutARank() throws {
        var generator = SeededGenerator(seed: 105)
        let flat = samples(24, &generator).map {
            AccuracyRegression.Sample(configuration: $0.configuration, top1: 0.7)
        }
        let outcome = try regression.fit(flat, using: &generator)
        #expect(outcome.heldOut.spearman == nil)
        #expect(abs(try outcome.predictor.predict(space.largest) - 0.7) < 0.01)
    }

    @Test func samplesThatAreTooFewTooManyOrNotAccuraciesAreRefused() throws {
        var generator = SeededGenerator(seed: 106)
        let some = samples(AccuracyRegression.minimumSamples, &generator)
        _ = try regression.fit(some, using: &generator)
        #expect(throws: RegressionRefusal.self) { try regression.fit(Array(some.dropLast()), using: &generator) }
        for top1 in [-0.1, 1.5, .nan] {
            let bad = some + [.init(configuration: space.largest, top1: top1)]
            #expect(throws: RegressionRefusal.self) { try regression.fit(bad, using: &generator) }
        }
        let limit = AccuracyRegression.sampleLimit
        let encoding = ArchitectureEncoding(space)
        let many = Array(repeating: some[0], count: limit + 1)
        #expect(try RegressionData(Array(many.prefix(limit)), encoding: encoding).count == limit)
        #expect(throws: RegressionRefusal.self) { try RegressionData(many, encoding: encoding) }
    }

    @Test func subnetsOutsideTheSpaceAreRefused() {
        var generator = SeededGenerator(seed: 107)
        var bad = samples(25, &generator)
        var subnet = space.largest
        subnet.depths[0] = 9
        bad[3] = .init(configuration: subnet, top1: 0.5)
        #expect(throws: ConfigurationRefusal.self) {
            try regression.fit(bad, using: &generator)
        }
    }
}
