import FleetModel
import Foundation
import Testing

@Suite struct BoardDescriptionTests {
    private var board = Samples.description("b", labels: ["tier": "edge"], models: ["a", "b"])

    @Test func acceptsAnOrdinaryBoard() throws {
        try board.validate()
        #expect(try JSONDecoder().decode(BoardDescription.self, from: JSONEncoder().encode(board)) == board)
    }

    @Test mutating func acceptsUpToEveryLimitAndNoFurther() throws {
        board.labels = Dictionary(
            uniqueKeysWithValues: (0..<FleetLimits.labelsPerBoard).map {
                ("\($0)" + String(repeating: "k", count: FleetLimits.labelBytes - 2), "v")
            }.map { (String($0.0.prefix(FleetLimits.labelBytes)), $0.1) })
        board.models = (0..<FleetLimits.modelsPerBoard).map {
            Samples.deployed("m\($0)", points: FleetLimits.pointsPerModel)
        }
        try board.validate()

        var oneLabelMore = board
        oneLabelMore.labels["more"] = ""
        #expect(throws: BoardRefusal.self) { try oneLabelMore.validate() }
        var oneModelMore = board
        oneModelMore.models.append(Samples.deployed("more"))
        #expect(throws: BoardRefusal.self) { try oneModelMore.validate() }
        var onePointMore = board
        onePointMore.models[0].points.append(Samples.point(1_000, 1))
        #expect(throws: BoardRefusal.self) { try onePointMore.validate() }
        var longLabel = board
        longLabel.labels = ["k": String(repeating: "v", count: FleetLimits.labelBytes + 1)]
        #expect(throws: BoardRefusal.self) { try longLabel.validate() }
    }

    static let mutations: [(String, @Sendable (inout BoardDescription) -> Void)] = [
        ("cores", { $0.cores = 0 }),
        ("cores", { $0.cores = .nan }),
        ("cores", { $0.cores = .infinity }),
        ("boardClass", { $0.boardClass = "" }),
        ("models", { $0.models.append($0.models[0]) }),
        ("models.a", { $0.models[0].points = [] }),
        ("models.a", { $0.models[0].framesPerSecond = -1 }),
        ("models.a", { $0.models[0].framesPerSecond = .nan }),
        ("models.a", { $0.models[0].points[0].latencyMilliseconds = 0 }),
        ("models.a", { $0.models[0].points[0].latencyMilliseconds = .nan }),
        ("models.a", { $0.models[0].points[2].accuracy = 1.01 }),
        ("models.b", { $0.models[1].points[2].latencyMilliseconds = 3_600_001 }),
        ("models.b", { $0.models[1].points[2].latencyMilliseconds = .infinity }),
        ("models.b", { $0.models[1].framesPerSecond = 100_001 }),
    ]

    @Test(arguments: mutations.indices)
    func refusesAnImpossibleBoardByField(row: Int) {
        var broken = board
        Self.mutations[row].1(&broken)
        let refusal = #expect(throws: BoardRefusal.self) { try broken.validate() }
        #expect(refusal?.field == Self.mutations[row].0)
    }

    /// A board measures its points' latencies anew and keeps the table's percentiles, which may then be below them; but
    /// they rise among themselves wherever they were measured.
    @Test mutating func percentilesRise() throws {
        let (p95, p99) = (
            LatencyConstraint(milliseconds: 0.5, percentile: 95), LatencyConstraint(milliseconds: 0.9, percentile: 99)
        )
        board.models[0].points[1].demand = PointDemand(percentiles: [p99, p95])
        try board.validate()
        board.models[0].points[1].demand = PointDemand(percentiles: [
            .init(milliseconds: 9, percentile: 99), .init(milliseconds: 19, percentile: 95),
        ])
        let broken = board
        let refusal = #expect(throws: BoardRefusal.self) { try broken.validate() }
        #expect(
            refusal?.description
                == "models.a: points[1].demand.percentiles: p99 is 9 ms, below p95, which is 19 ms")
    }
}
