import FleetModel
import SearchSpace
import Simulation
import Testing
import WireProtocol

@Suite struct LossyNetworkTests {
    private var generator = SeededGenerator(seed: 3)
    private let start = VirtualInstant()

    private mutating func arrivals(_ faults: LossyNetwork.Faults, of count: UInt64) throws -> [Message] {
        let board = try #require(BoardID("b"))
        var network = LossyNetwork(faults: faults)
        for generation in 1...count {
            let message = Message.assignmentReported(generation: generation)
            network.send(message, .toCoordinator, board, at: start, using: &generator)
        }
        return network.deliver(at: start.advanced(by: .seconds(10))).map(\.message)
    }

    @Test mutating func losesAndRepeatsAboutAsOftenAsAsked() throws {
        #expect(try arrivals(.init(loss: 1, duplication: 0, delay: .zero), of: 100).isEmpty)
        #expect(try arrivals(.init(loss: 0, duplication: 1, delay: .zero), of: 100).count == 200)
        let some = try arrivals(.init(loss: 0.5, duplication: 0, delay: .zero), of: 1_000).count
        #expect((400...600).contains(some))
    }

    @Test mutating func withoutDelayOrderIsKeptAndWithDelayItIsNot() throws {
        let sent = (1...50).map { Message.assignmentReported(generation: $0) }
        #expect(try arrivals(.init(loss: 0, duplication: 0, delay: .zero), of: 50) == sent)
        let late = try arrivals(.init(loss: 0, duplication: 0, delay: .seconds(1)), of: 50)
        #expect(late.count == 50 && late != sent)
    }

    @Test mutating func nothingArrivesBeforeItsTime() throws {
        var network = LossyNetwork(faults: .init(loss: 0, duplication: 0, delay: .seconds(1)))
        let board = try #require(BoardID("b"))
        network.send(.heartbeat, .toBoard, board, at: start, using: &generator)
        #expect(network.deliver(at: start).isEmpty)
        #expect(network.deliver(at: start.advanced(by: .seconds(1))).map(\.direction) == [.toBoard])
        #expect(network.deliver(at: start.advanced(by: .seconds(1))).isEmpty)
    }
}
