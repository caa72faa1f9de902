import FleetModel
import Testing
import WireProtocol

/// What models cost each other, and limits of switches, arrive as they were sent; impossible ones do not.
@Suite struct InterferenceTests {
    private let codec = MessageCodec()

    private func sent(_ message: Message) throws -> Message {
        let frame = try codec.encode(message, header: FrameHeader(session: 1, sequence: 1))
        return try codec.decode(header: frame.header, payload: frame.payload).1
    }

    private func hello(_ factors: [String: [String: Double]]) throws -> Message {
        var board = try SampleMessages.board()
        var second = board.models[0]
        second.name = try #require(ModelName("detector"))
        board.models.append(second)
        board.interference = Interference(factors: factors)
        return .hello(board, incarnation: 1, reportedGeneration: 0)
    }

    @Test func interferenceArrives() throws {
        let message = try hello(["fashion": ["detector": 1.25], "detector": ["fashion": 1]])
        #expect(try sent(message) == message)
        // Equal boards have equal bytes.
        let frames = try (0..<5).map { _ in
            try codec.encode(
                hello(["fashion": ["detector": 1.25], "detector": ["fashion": 1]]),
                header: FrameHeader(session: 1, sequence: 1))
        }
        #expect(frames.allSatisfy { $0 == frames[0] })
    }

    /// The coordinator strikes out what cannot be, and serves the board.
    @Test(arguments: [0, -1, 1e6, .infinity]) func impossibleFactorsArriveAsTheyAre(factor: Double) throws {
        let message = try hello(["fashion": ["detector": factor]])
        #expect(try sent(message) == message)
    }

    @Test func limitsOfSwitchesArrive() throws {
        var assignment = SampleMessages.assignment
        for limit in [nil, 1, 12.5, ModelAssignment.switchLimit] {
            assignment.models[0].switchesPerMinute = limit
            #expect(try sent(.assign(assignment)) == .assign(assignment) && assignment.isSound)
        }
        for limit in [0, -1, 0.5, 1e9, .nan] {
            assignment.models[0].switchesPerMinute = limit
            #expect(!assignment.isSound)
            #expect(throws: (any Error).self) { try sent(.assign(assignment)) }
        }
    }
}
