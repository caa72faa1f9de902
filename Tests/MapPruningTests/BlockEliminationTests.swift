import SearchSpace
import Testing

@testable import MapPruning

@Suite struct BlockEliminationTests {
    /// Samples of 64 channels of which the last block is a mixture of the first.
    private func samples(_ seed: UInt64) -> [[Double]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<600).map { _ in
            var row = (0..<48).map { _ in Double.random(in: -1...1, using: &generator) }
            row += (0..<16).map { row[$0] + row[($0 + 1) % 16] }
            return row
        }
    }

    private func covariance(_ samples: [[Double]]) -> [Double] {
        let columns = samples[0].count
        var result = [Double](repeating: 0, count: columns * columns)
        for row in samples {
            for (index, value) in row.enumerated() {
                for (other, second) in row.enumerated() { result[index * columns + other] += value * second }
            }
        }
        for index in result.indices { result[index] /= Double(samples.count) }
        for index in 0..<columns { result[index * columns + index] += 1e-9 }
        return result
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func whatOthersCanExpressGoesFirstAndCostsNothing(seed: UInt64) throws {
        let rows = samples(seed)
        var generator = SeededGenerator(seed: seed &+ 1)
        let weights = (0..<3 * 64).map { _ in Double.random(in: -1...1, using: &generator) }
        var elimination = try #require(
            BlockElimination(weights: weights, outputs: 3, covariance: covariance(rows), channelColumns: 1))
        #expect(elimination.left == 4)
        elimination.removeCheapest()
        #expect(elimination.blocks[1] && elimination.blocks[2] && elimination.left == 3, "seed \(seed)")
        #expect(elimination.error < 1e-5, "\(elimination.error), seed \(seed)")
        #expect(error(elimination.weights, weights, rows) < 1e-5, "seed \(seed)")
    }

    /// The error that it states is that of its weights, and no other weights on the same blocks do better.
    @Test(arguments: [UInt64(2), .random(in: 0...UInt64.max)])
    func theRestIsFittedByLeastSquares(seed: UInt64) throws {
        let rows = samples(seed)
        var generator = SeededGenerator(seed: seed &+ 1)
        let weights = (0..<3 * 64).map { _ in Double.random(in: -1...1, using: &generator) }
        var elimination = try #require(
            BlockElimination(weights: weights, outputs: 3, covariance: covariance(rows), channelColumns: 1))
        for _ in 0..<2 { elimination.removeCheapest() }
        let fitted = error(elimination.weights, weights, rows)
        #expect(abs(fitted - elimination.error) <= 1e-3 * fitted, "seed \(seed)")
        for index in elimination.weights.indices {
            let isLeft = elimination.blocks[index % 64 / 16]
            #expect(isLeft || elimination.weights[index] == 0)
            guard isLeft else { continue }
            for change in [-0.01, 0.01] {
                var other = elimination.weights
                other[index] += change
                #expect(error(other, weights, rows) >= fitted - 1e-6, "seed \(seed)")
            }
        }
    }

    private func error(_ fitted: [Double], _ weights: [Double], _ rows: [[Double]]) -> Double {
        rows.reduce(0) { sum, row in
            sum
                + (0..<3).reduce(0) { sum, output in
                    let change = row.indices.reduce(0) {
                        $0 + (fitted[output * 64 + $1] - weights[output * 64 + $1]) * row[$1]
                    }
                    return sum + change * change
                }
        } / Double(rows.count)
    }
}
