import Processors
import Testing

@Suite struct ThreadPlacementTests {
    private static func placements(_ cores: [Double?], on processors: [Int]) -> [ThreadPlacement] {
        let demands = cores.enumerated().map { ShareDemand(name: "m", thread: Int32($0), cores: $1) }
        return ThreadPlacement.placements(of: demands, on: processors)
    }

    /// Half of a core and less fit one processor together; the others keep the rest.
    @Test func limitedThreadsShareAsFewProcessorsAsTheyNeed() {
        #expect(
            Self.placements([0.5, nil, 0.25], on: [0, 1, 2, 3]) == [
                .init(processors: [3], nice: 3), .init(processors: [0, 1, 2], nice: 0),
                .init(processors: [3], nice: 6),
            ])
    }

    @Test func sharesAreSpreadOverTheProcessorsTheyAddUpTo() {
        let placed = Self.placements([0.9, 0.8, 0.3], on: [2, 5, 6])
        #expect(placed.map(\.processors) == [[5], [6], [6]])
        #expect(Self.placements([0.6, 0.6, 0.6], on: [2, 5, 6]).map(\.processors) == [[5], [6], [5]])
    }

    @Test func whereAllIsOneProcessorPriorityAloneTellsThemApart() {
        #expect(
            Self.placements([0.1, nil], on: [0]) == [
                .init(processors: [0], nice: 10), .init(processors: [0], nice: 0),
            ])
    }

    /// A thread cannot take more than a core, so that a share of one core or more is no limit.
    @Test(arguments: [[nil, nil], [1.0, 2.5], []] as [[Double?]])
    func withoutLimitsNothingMoves(cores: [Double?]) {
        #expect(Self.placements(cores, on: [0, 1]) == cores.map { _ in .init(processors: nil, nice: 0) })
    }

    @Test func aBoundThreadStaysWhereItIs() {
        let demands = [
            ShareDemand(name: "a", thread: 1, cores: 0.001, processor: 0),
            ShareDemand(name: "b", thread: 2, cores: 0.5),
        ]
        #expect(
            ThreadPlacement.placements(of: demands, on: [0, 1]) == [
                .init(processors: [0], nice: 19), .init(processors: [1], nice: 3),
            ])
    }
}
