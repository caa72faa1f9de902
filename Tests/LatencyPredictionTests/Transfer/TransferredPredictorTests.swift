import LatencyPrediction
import SearchSpace
import Testing

@Suite struct TransferredPredictorTests {
    private let architectures = TransferFixture.architectures
    private let sources = TransferFixture.boards(0..<5)
    private let target = TransferFixture.boards(8..<9).latencies[0]

    private func measured(_ names: [String], _ column: [Double]) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: zip(architectures, column)).filter { names.contains($0.key) }
    }

    private func chosen(_ space: TransferSpace, _ count: Int, seed: UInt64 = 1) -> [String] {
        var generator = SeededGenerator(seed: seed)
        return space.informative(count, among: architectures, using: &generator)
    }

    private func predictions(_ space: TransferSpace, _ samples: [String: Double]) throws -> [Double] {
        try TransferredPredictor(space: space, measured: samples).predict(architectures).compactMap { $0?.milliseconds }
    }

    @Test func tenMeasurementsOfANewBoardOrderTheRest() throws {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        let predicted = try predictions(space, measured(chosen(space, 10), target))
        #expect(try #require(RankStatistics.spearman(predicted, target)) > 0.98)
    }

    @Test func neitherOrderNorSplitOfSourcesMatters() throws {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        let samples = measured(chosen(space, 8), target)
        var turned = BoardMeasurements(architectures: architectures.reversed())
        for index in [3, 1, 4] { turned.add(board: "b\(index)", latencies: sources.latencies[index].reversed()) }
        var others = BoardMeasurements(architectures: architectures)
        for index in [2, 0] { others.add(board: "b\(index)", latencies: sources.latencies[index]) }
        let again = TransferSpace(sources: [turned, others], architectures: architectures.reversed())
        #expect(chosen(space, 8) == chosen(again, 8))
        #expect(try predictions(space, samples) == predictions(again, samples))
    }

    /// Two files that disagree about one board, in either order.
    @Test func aBoardInTwoFilesIsTheMeanOfBoth() throws {
        let samples = measured(architectures.prefix(10).map { $0 }, target)
        var disagreeing = BoardMeasurements(architectures: architectures)
        disagreeing.add(board: "b2", latencies: sources.latencies[2].enumerated().map { $1 * ($0 % 2 == 0 ? 3 : 0.4) })
        let first = TransferSpace(sources: [sources, disagreeing], architectures: architectures)
        let second = TransferSpace(sources: [disagreeing, sources], architectures: architectures)
        #expect(try predictions(first, samples) == predictions(second, samples))
        let alone = TransferSpace(sources: [sources], architectures: architectures)
        #expect(try predictions(first, samples) != predictions(alone, samples))
    }

    @Test func aSlowerBoardIsPredictedSlowerByAsMuch() throws {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        let samples = measured(chosen(space, 10), target)
        let (plain, slow) = try (predictions(space, samples), predictions(space, samples.mapValues { $0 * 10 }))
        #expect(zip(plain, slow).allSatisfy { abs($1 / $0 - 10) < 1e-6 })
    }

    @Test func theChoiceIsGivenByTheSeedAndHoldsNoArchitectureTwice() {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        #expect(chosen(space, 20) == chosen(space, 20))
        #expect(Set(chosen(space, 20)).count == 20)
        var generator = SeededGenerator(seed: 1)
        let few = Array(architectures.prefix(30))
        #expect(Set(space.informative(1_000, among: few, using: &generator)) == Set(few))
    }

    /// Architectures that no source ran are predicted from structure.
    @Test func sourcesNeedNotHaveRunWhatIsPredicted() throws {
        let known = sources.cut(rows: 0..<150, boards: sources.boards)
        let unseen = TransferFixture.boards(8..<9).cut(rows: 150..<300, boards: ["b8"])
        let space = TransferSpace(sources: [known], architectures: unseen.architectures)
        let result = try TransferEvaluation(space: space, target: unseen, board: 0, samples: 10, seed: 3)
        #expect(try #require(result.spearman) > 0.9)
        #expect(result.medianRelativeError < 0.1)
    }

    /// One architecture of another form is left out and changes no prediction of the others.
    @Test func oneStrangeArchitectureChangesNothing() throws {
        let plain = TransferSpace(sources: [sources], architectures: architectures)
        let mixed = TransferSpace(sources: [sources], architectures: architectures + ["resnet-50"])
        let samples = measured(chosen(plain, 8), target)
        #expect(try predictions(mixed, samples) == predictions(plain, samples))
        #expect(mixed.screen.leftOut == [architectures.count] && !mixed.holds("resnet-50"))
        let predictor = try TransferredPredictor(space: mixed, measured: samples)
        #expect(predictor.predict(["resnet-50"]).map { $0 == nil } == [true])
    }

    /// Boards that ran another search space say nothing about this one, and do no harm.
    @Test func sourcesOfAnotherSpaceAreLeftOut() throws {
        var foreign = BoardMeasurements(architectures: ["7818488874147327324245", "5355047552024513726040", "x"])
        foreign.add(board: "f", latencies: [3, 4, 5])
        let mixed = TransferSpace(sources: [sources, foreign], architectures: architectures)
        let plain = TransferSpace(sources: [sources], architectures: architectures)
        let samples = measured(chosen(plain, 8), target)
        #expect(try predictions(mixed, samples) == predictions(plain, samples))
    }

    @Test(arguments: 0...2) func fewSourcesOrNoneLeaveStructure(count: Int) throws {
        let few = TransferFixture.boards(0..<count)
        let space = TransferSpace(sources: count == 0 ? [] : [few], architectures: architectures)
        let predicted = try predictions(space, measured(chosen(space, 12), target))
        #expect(try #require(RankStatistics.spearman(predicted, target)) > 0.9)
    }

    /// Strings that say nothing: only what the sources measured is left.
    @Test func strangeArchitecturesTransferByBehaviour() throws {
        let names = architectures.indices.map { String(repeating: "net", count: 1 + $0 % 4) + "-\($0)" }
        func renamed(_ table: BoardMeasurements) -> BoardMeasurements {
            var result = BoardMeasurements(architectures: names)
            for (board, column) in zip(table.boards, table.latencies) { result.add(board: board, latencies: column) }
            return result
        }
        let space = TransferSpace(sources: [renamed(sources)], architectures: names)
        let result = try TransferEvaluation(
            space: space, target: renamed(TransferFixture.boards(8..<9)), board: 0, samples: 10, seed: 1)
        #expect(try #require(result.spearman) > 0.95)
    }

    @Test func missingValuesAndTiesInSourcesAreBridged() throws {
        var holes = BoardMeasurements(architectures: architectures)
        for (index, column) in sources.latencies.enumerated() {
            let values = column.enumerated().map { ($0.offset + index) % 3 == 0 ? -1 : $0.element.rounded(.up) }
            holes.add(board: "b\(index)", latencies: values)
        }
        let space = TransferSpace(sources: [holes], architectures: architectures)
        let predicted = try predictions(space, measured(chosen(space, 10), target.map { $0.rounded(.up) }))
        #expect(try #require(RankStatistics.spearman(predicted, target)) > 0.95)
    }

    @Test func aBoardOfOneLatencyIsPredictedAsThat() throws {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        let flat = Array(repeating: 4.0, count: architectures.count)
        let predictor = try TransferredPredictor(space: space, measured: measured(chosen(space, 10), flat))
        for prediction in predictor.predict(architectures).compactMap({ $0 }) {
            #expect(prediction.milliseconds.isFinite && prediction.interval.lowerBound > 0)
        }
        let table = sources.cut(rows: 0..<2, boards: ["b0"])
        #expect(throws: LatencyRefusal.self) {
            try TransferEvaluation(space: space, target: table, board: 0, samples: 10, seed: 1)
        }
    }

    @Test func measurementsThatFitNothingAreRefused() throws {
        let space = TransferSpace(sources: [sources], architectures: architectures)
        let (first, second) = (architectures[0], architectures[1])
        let unusable: [[String: Double]] = [[:], [first: 3], [first: 3, second: -1], ["?": 1, "!": 2]]
        for samples in unusable {
            #expect(throws: LatencyRefusal.self) { try TransferredPredictor(space: space, measured: samples) }
        }
        let many = measured(architectures, target)
        #expect(throws: LatencyRefusal.self) { try TransferredPredictor(space: space, measured: many) }
        let predictor = try TransferredPredictor(space: space, measured: measured(chosen(space, 4), target))
        #expect(predictor.predict(["unknown", architectures[0]]).map { $0 == nil } == [true, false])
    }

    @Test func theMarginHoldsWhatItStates() throws {
        var shares: [Double] = []
        let space = TransferSpace(sources: [sources], architectures: architectures)
        for board in 10..<22 {
            let table = TransferFixture.boards(board..<(board + 1))
            shares.append(
                try TransferEvaluation(space: space, target: table, board: 0, samples: 12, seed: 5).coverage)
        }
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect(mean > 0.82 && mean < 0.99, "\(shares)")
    }
}
