import LatencyPrediction
import SearchSpace
import Testing

@Suite struct MeasurementScreenTests {
    private let architectures = TransferFixture.architectures
    private let space = TransferSpace(
        sources: [TransferFixture.boards(0..<5)], architectures: TransferFixture.architectures)

    private func samples(of column: [Double], _ count: Int, seed: UInt64) -> [String: Double] {
        var generator = SeededGenerator(seed: seed)
        let chosen = Set(space.informative(count, among: architectures, using: &generator))
        return Dictionary(uniqueKeysWithValues: zip(architectures, column)).filter { chosen.contains($0.key) }
    }

    /// A slipped decimal point: whichever of the ten it is, it is found, and the others order the rest. A threefold may
    /// be true of a board that is unlike all sources; nine in ten are found.
    @Test(arguments: [(10, 10), (0.1, 10), (3, 9), (0.3, 9)])
    func oneWrongMeasurementOfTenIsFound(factor: Double, least: Int) throws {
        let target = TransferFixture.boards(8..<9).latencies[0]
        let right = samples(of: target, 10, seed: 1)
        var found = 0
        for wrong in right.keys.sorted() {
            var spoilt = right
            spoilt[wrong] = right[wrong].map { $0 * factor }
            let predictor = try TransferredPredictor(space: space, measured: spoilt)
            guard predictor.setAside == [wrong] else { continue }
            found += 1
            let predicted = predictor.predict(architectures).compactMap { $0?.milliseconds }
            #expect(try #require(RankStatistics.spearman(predicted, target)) > 0.96, "\(wrong) times \(factor)")
        }
        #expect(found >= least, "times \(factor)")
    }

    @Test func twoOfTenAreFoundAndNoMoreIsSetAside() throws {
        let target = TransferFixture.boards(9..<10).latencies[0]
        var spoilt = samples(of: target, 10, seed: 2)
        let names = spoilt.keys.sorted()
        for (name, factor) in [(names[1], 8.0), (names[6], 0.1)] { spoilt[name] = spoilt[name].map { $0 * factor } }
        let predictor = try TransferredPredictor(space: space, measured: spoilt)
        #expect(predictor.setAside == [names[1], names[6]])
        for name in names.prefix(5) { spoilt[name] = spoilt[name].map { $0 * 20 } }
        #expect(try TransferredPredictor(space: space, measured: spoilt).setAside.count <= 2)
    }

    /// Boards that differ by more than noise are no reason to set measurements aside.
    @Test func rightMeasurementsAreKept() throws {
        var setAside = 0
        for board in 10..<30 {
            let target = TransferFixture.boards(board..<(board + 1)).latencies[0]
            let samples = samples(of: target, 10, seed: UInt64(board))
            setAside += try TransferredPredictor(space: space, measured: samples).setAside.count
        }
        #expect(setAside <= 4, "of 200")
    }

    @Test func fewerThanFiveTellNothingOfEachOther() throws {
        let target = TransferFixture.boards(8..<9).latencies[0]
        var spoilt = samples(of: target, 4, seed: 1)
        let first = try #require(spoilt.keys.min())
        spoilt[first] = 1e6
        #expect(try TransferredPredictor(space: space, measured: spoilt).setAside.isEmpty)
    }
}
