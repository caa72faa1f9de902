import FleetModel
import Testing
import WireProtocol

/// What a point asks of its board reaches the coordinator, and only what a point can ask.
@Suite struct PointDemandTests {
    private let codec = MessageCodec()
    private static let demand = PointDemand(
        precision: "int8", threads: 2, hookBudget: 0.02, cpuMilliseconds: 14, memoryBytes: 3_000_000,
        energyMillijoules: 30,
        percentiles: [.init(milliseconds: 9, percentile: 95), .init(milliseconds: 12.5, percentile: 99)])

    private func board(_ demand: PointDemand?) throws -> BoardDescription {
        var board = try SampleMessages.board()
        for index in board.models[0].points.indices { board.models[0].points[index].demand = demand }
        return board
    }

    private func sent(_ demand: PointDemand?) throws -> PointDemand? {
        let message = Message.hello(try board(demand), incarnation: 1, reportedGeneration: 0)
        let frame = try codec.encode(message, header: FrameHeader(session: 1, sequence: 1))
        let decoded = try codec.decode(header: frame.header, payload: frame.payload).1
        guard case .hello(let board, _, _) = decoded else { return nil }
        return board.models[0].points[0].demand
    }

    @Test func demandsArriveAsTheyWereSent() throws {
        #expect(try sent(Self.demand) == Self.demand)
        #expect(try sent(PointDemand()) == PointDemand())
        #expect(try sent(nil) == nil)
    }

    /// The agent's own check and the wire's say the same of what a point is. What was measured of it may be any number
    /// on the wire: the coordinator strikes out what cannot be, and serves the board.
    @Test func impossibleNumbersAreRefused() throws {
        let measured: [(inout PointDemand) -> Void] = [
            { $0.energyMillijoules = .nan }, { $0.energyMillijoules = -1 }, { $0.cpuMilliseconds = .infinity },
            { $0.percentiles[0].milliseconds = -0.1 }, { $0.percentiles[1].percentile = 101 },
        ]
        for (index, change) in measured.enumerated() {
            var demand = Self.demand
            change(&demand)
            #expect(try sent(demand) != nil, "\(index)")
            #expect(throws: BoardRefusal.self, "\(index)") { try board(demand).validate() }
        }
        let changes: [(inout PointDemand) -> Void] = [
            { $0.threads = 0 }, { $0.threads = 5_000 }, { $0.hookBudget = 1.1 },
            { $0.percentiles += $0.percentiles + $0.percentiles + $0.percentiles + $0.percentiles },
            { $0.precision = "\u{1B}" }, { $0.precision = "a precision" }, { $0.memoryBytes = .max },
        ]
        #expect(throws: Never.self) { try board(Self.demand).validate() }
        for (index, change) in changes.enumerated() {
            var demand = Self.demand
            change(&demand)
            #expect(throws: (any Error).self, "\(index)") { try sent(demand) }
            #expect(throws: BoardRefusal.self, "\(index)") { try board(demand).validate() }
        }
    }
}
