import Foundation
import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct AccuracyPredictorTests {
    let space = SearchFixture.space

    @Test func predictionsAreTheReferenceOfTheEncoding() throws {
        let predictor = try SearchFixture.accuracy()
        var generator = SeededGenerator(seed: 81)
        for _ in 0..<50 {
            let subnet = space.sample(using: &generator)
            let expected = Double(predictor.members[0].reference(try predictor.encoding.features(of: subnet)))
            #expect(abs(try predictor.predict(subnet) - expected) < 1e-5)
        }
    }

    @Test func manyAtOnceAreTheSameToTheBitAsOneByOne() throws {
        let predictor = try SearchFixture.accuracy()
        let indexed = IndexedSearchSpace(space)
        var generator = SeededGenerator(seed: 82)
        var evaluator = predictor.makeEvaluator()
        for count in [0, 1, 15, 16, 17, 40] {
            let subnets = (0..<count).map { _ in
                var subnet = indexed.smallest
                indexed.sample(into: &subnet, using: &generator)
                return subnet
            }
            var batch: [Double] = [1, 2, 3]
            evaluator.accuracies(of: subnets, into: &batch)
            #expect(batch == subnets.map { evaluator.accuracy(of: $0) })
        }
    }

    @Test func anEnsemblePredictsTheMean() throws {
        let (first, second) = (try SearchFixture.accuracy(seed: 1), try SearchFixture.accuracy(seed: 2))
        let both = try AccuracyPredictor(encoding: first.encoding, members: first.members + second.members)
        let mean = (try first.predict(space.largest) + second.predict(space.largest)) / 2
        #expect(abs(try both.predict(space.largest) - mean) < 1e-12)
    }

    @Test func membersThatDoNotFitTheEncodingAreRefused() throws {
        let predictor = try SearchFixture.accuracy()
        let own = ArchitectureEncoding(space)
        #expect(throws: PredictorRefusal.noMembers) { try AccuracyPredictor(encoding: own, members: []) }
        #expect(throws: PredictorRefusal.self) { try AccuracyPredictor(encoding: own, members: predictor.members) }
    }

    @Test func membersAreLimited() throws {
        let one = try SearchFixture.accuracy()
        let limit = AccuracyPredictor.memberLimit
        func ensemble(_ count: Int) throws -> AccuracyPredictor {
            try AccuracyPredictor(encoding: one.encoding, members: Array(repeating: one.members[0], count: count))
        }
        #expect(try ensemble(limit).members.count == limit)
        #expect(throws: PredictorRefusal.self) { try ensemble(limit + 1) }
    }

    @Test func configurationsOutsideTheSpaceAreRefused() throws {
        var subnet = space.largest
        subnet.resolution = 100
        let predictor = try SearchFixture.accuracy()
        #expect(throws: ConfigurationRefusal.self) { try predictor.predict(subnet) }
    }

    @Test func survivesJSON() throws {
        let predictor = try SearchFixture.accuracy()
        let data = try JSONEncoder().encode(predictor)
        #expect(try JSONDecoder().decode(AccuracyPredictor.self, from: data) == predictor)
    }
}
