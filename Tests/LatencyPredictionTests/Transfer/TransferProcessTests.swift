import SearchSpace
import Testing

@testable import LatencyPrediction

@Suite struct TransferProcessTests {
    private let space = TransferSpace(
        sources: [TransferFixture.boards(0..<4)], architectures: TransferFixture.architectures)
    private let rows = Array(stride(from: 0, to: 300, by: 25))

    private var values: BoardValues {
        let column = TransferFixture.boards(9..<10).latencies[0]
        return BoardValues(rows.map { logarithm(column[$0]) }, base: rows.map { space.base[$0] })
    }

    private func process(_ family: TransferFamily, leaving place: Int? = nil) throws -> TransferProcess {
        let kept = rows.indices.filter { $0 != place }
        let prior = try #require(family.priors(scale: space.scale, hasSources: true).last)
        return TransferProcess(
            space.parts(of: kept.map { rows[$0] }, and: kept.map { rows[$0] }), values.keeping(kept), prior)
    }

    /// What is computed from one inverse is what a fit without the measurement gives.
    @Test(arguments: [TransferFamily.sources, .structure])
    func leavingOutIsAFitWithoutIt(family: TransferFamily) throws {
        var whole = try process(family)
        for place in [0, 5, 11] {
            let without = try process(family, leaving: place)
            #expect(abs(whole.evidence - whole.logarithmicDensity(of: place) - without.evidence - 0.919) < 1e-3)
        }
        whole.leaveOut(3)
        let without = try process(family, leaving: 3)
        let kept = rows.indices.filter { $0 != 3 }
        #expect(zip(kept, without.dual).allSatisfy { abs(whole.dual[$0] - $1) < 1e-6 * (1 + abs($1)) })
    }

    /// Without sources there is nothing to transfer.
    @Test func everyFamilyHasPriorsButTheSourcesOne() {
        for family in TransferFamily.allCases {
            #expect(family.priors(scale: 1, hasSources: false).isEmpty == (family == .sources))
            #expect(family.priors(scale: 1, hasSources: true).allSatisfy { $0.family == family && $0.noise > 0 })
        }
    }

    /// A sum of costs below what a board ever took is not believed.
    @Test func costsBelowZeroAreHeldAtTheFloor() {
        let held = values.logarithmic(-1, 0.01, .costs, base: 0)
        #expect(held.mean.isFinite && held.mean < (values.logarithms.min() ?? 0) && held.variance > 0)
        #expect(values.logarithmic(2, 0.01, .sources, base: 3).mean == 5)
    }
}
