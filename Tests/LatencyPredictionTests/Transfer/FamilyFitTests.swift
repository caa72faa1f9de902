import SearchSpace
import Testing

@testable import LatencyPrediction

/// Boards like no source: sources must not do harm, and margins must hold.
@Suite struct FamilyFitTests {
    private static let architectures = TransferFixture.architectures

    /// Prices in milliseconds of none, skip, 1x1, 3x3, pooling; the share of noise, and the clock's step.
    struct Kind: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let prices: [Double]
        let floor: Double
        var noise = 0.02
        var step = 0.0
    }

    static let kinds = [
        Kind(
            testDescription: "accelerator that leaves pooling to the processor", prices: [0, 0.01, 0.03, 0.05, 3],
            floor: 0.4),
        Kind(testDescription: "accelerator that copies for a skip", prices: [0, 2, 0.1, 0.2, 0.1], floor: 1),
        Kind(testDescription: "microcontroller", prices: [0, 2, 36, 300, 30], floor: 20, noise: 0.01),
        Kind(testDescription: "whole milliseconds", prices: [0, 0, 0.7, 4, 0.3], floor: 3, step: 1),
        Kind(testDescription: "noise of a fifth", prices: [0, 0, 0.6, 4, 0.4], floor: 2, noise: 0.35),
    ]

    private func draws(_ kind: Kind, _ space: TransferSpace) throws -> [TransferEvaluation] {
        let exact = TransferFixture.latencies(kind.prices, floor: kind.floor, noise: kind.noise, seed: 41)
        var table = BoardMeasurements(architectures: Self.architectures)
        table.add(
            board: "new", latencies: kind.step > 0 ? exact.map { ($0 / kind.step).rounded() * kind.step } : exact)
        return try (0..<6).map {
            try TransferEvaluation(space: space, target: table, board: 0, samples: 10, seed: 70 + UInt64($0))
        }
    }

    @Test(arguments: kinds) func sourcesDoNoHarmToABoardUnlikeThem(kind: Kind) throws {
        let sources = TransferFixture.boards(0..<6)
        let (with, without) = try (
            draws(kind, TransferSpace(sources: [sources], architectures: Self.architectures)),
            draws(kind, TransferSpace(sources: [], architectures: Self.architectures))
        )
        func mean(_ draws: [TransferEvaluation], _ value: (TransferEvaluation) -> Double) -> Double {
            draws.reduce(0) { $0 + value($1) } / Double(draws.count)
        }
        let (own, alone) = (mean(with) { $0.spearman ?? 0 }, mean(without) { $0.spearman ?? 0 })
        #expect(own > alone - 0.03, "seeds 70 to 75: \(own), without \(alone)")
        let (coverage, setAside) = (mean(with) { $0.coverage }, mean(with) { Double($0.setAside) })
        #expect(coverage > 0.75, "seeds 70 to 75: \(with.map(\.coverage))")
        #expect(setAside < 1)
    }

    /// Without factors and mean, the sources' family supposes what that of structure supposes of the same variances.
    private func weights(samples: Int, _ sources: Double, _ structure: Double) -> [Double] {
        let space = TransferSpace(sources: [], architectures: Self.architectures)
        let column = TransferFixture.boards(9..<10).latencies[0]
        let rows = Array(Self.architectures.indices.prefix(samples))
        let values = BoardValues(rows.map { logarithm(column[$0]) }, base: rows.map { space.base[$0] })
        let parts = space.parts(of: rows, and: rows)
        let processes = [(TransferFamily.sources, sources), (.structure, structure)].map { family, variance in
            TransferProcess(parts, values, TransferPrior(family: family, structure: variance, noise: 0.001))
        }
        return FamilyFit.weighed(processes, parts, values).map(\.weight)
    }

    /// Where measurements do not tell families apart, the sources are as probable as the three others together.
    @Test(arguments: [2, 10, 40]) func sourcesAreHeldForLikelierThanEachOtherFamily(samples: Int) throws {
        let weights = weights(samples: samples, 0.1, 0.1)
        try #require(weights.count == 2)
        #expect(abs(weights[0] - 0.75) < 1e-6, "\(weights)")
        #expect(abs(weights[1] - 0.25) < 1e-6, "\(weights)")
    }

    /// What is supposed beforehand does not hold against measurements.
    @Test func measurementsOutweighWhatIsSupposedOfSources() throws {
        let weights = weights(samples: 10, 1e-9, 0.1)
        #expect(weights.count == 1 || weights[0] < 0.01, "\(weights)")
        #expect(try #require(weights.last) > 0.99)
    }
}
