import FleetModel
import SearchSpace
import Testing

@testable import Artefacts

@Suite struct ChunkQueueTests {
    private let sum = ContentSum(of: [1])

    private func board(_ number: Int) throws -> BoardID { try #require(BoardID("b\(number)")) }

    private func queue(_ bytesPerSecond: Int = 1 << 20, transfers: Int = 2) -> ChunkQueue<TestInstant> {
        var settings = ChunkQueue<TestInstant>.Settings()
        (settings.bytesPerSecond, settings.transfers) = (bytesPerSecond, transfers)
        return ChunkQueue(settings: settings, at: .seconds(0))
    }

    /// A thousand boards that ask all the time get no more than the share, and each gets all that it asks for.
    @Test func theShareHoldsForAThousandBoards() throws {
        let (perSecond, chunks) = (4 << 20, 10)
        var queue = queue(perSecond, transfers: 8)
        let boards = try (0..<1_000).map(board)
        var (next, got) = ([BoardID: Int](), [BoardID: Int]())
        var (bytes, second, tick) = (0, 0, 0)
        while got.values.reduce(0, +) < boards.count * chunks {
            tick += 1
            let now = TestInstant.seconds(Double(tick) / 20)
            for board in boards where next[board, default: 0] < chunks && tick % 40 == 1 {
                queue.asked(board, sum, [next[board, default: 0]], at: now)
            }
            let due = queue.due(at: now)
            #expect(queue.servedCount <= 8)
            for chunk in due {
                got[chunk.board, default: 0] += 1
                next[chunk.board] = chunk.chunk + 1
                if chunk.chunk + 1 < chunks { queue.asked(chunk.board, sum, [chunk.chunk + 1], at: now) }
            }
            bytes += due.count * ArtefactLimits.chunkBytes
            if tick / 20 > second {
                // A fifth of a second may have been saved up.
                #expect(bytes <= perSecond * 13 / 10, "second \(second): \(bytes)")
                (bytes, second) = (0, tick / 20)
            }
            try #require(tick < 100_000)
        }
        #expect(got.values.allSatisfy { $0 == chunks })
        let least = Double(boards.count * chunks * ArtefactLimits.chunkBytes) / Double(perSecond)
        // Places that are given up idly cost time; not more than the chunks themselves.
        #expect(Double(tick) / 20 < 6 * least, "\(Double(tick) / 20) s, \(least) s at the least")
    }

    @Test func boardsWithAPlaceTakeTurns() throws {
        var queue = queue()
        for number in 0..<3 { queue.asked(try board(number), sum, [0, 1, 2], at: .seconds(0)) }
        let due = queue.due(at: .seconds(0.15))
        #expect(due.map(\.board.rawValue).prefix(4) == ["b0", "b1", "b0", "b1"])
        #expect(due.map(\.chunk).prefix(4) == [0, 0, 1, 1])
        #expect(queue.servedCount == 2 && queue.waitingCount == 1)
    }

    @Test func aQuietBoardGivesItsPlaceUp() throws {
        var queue = queue(transfers: 1)
        queue.asked(try board(0), sum, [0], at: .seconds(0))
        queue.asked(try board(1), sum, [0], at: .seconds(0))
        #expect(try queue.due(at: .seconds(0.1)).map(\.board) == [board(0)])
        #expect(queue.due(at: .seconds(1)).isEmpty)
        #expect(try queue.due(at: .seconds(1.6)).map(\.board) == [board(1)])
    }

    @Test func whoWaitsTooLongWithoutAWordIsForgotten() throws {
        var queue = queue(transfers: 1)
        queue.asked(try board(0), sum, [0], at: .seconds(0))
        _ = queue.due(at: .seconds(0.1))
        queue.asked(try board(1), sum, [0], at: .seconds(1))
        queue.left(try board(0))
        #expect(queue.due(at: .seconds(200)).isEmpty && queue.waitingCount == 0 && queue.servedCount == 0)
    }

    /// Whatever boards ask, only so much is held for each.
    @Test func aBoardCannotFillTheQueue() throws {
        var queue = queue(1 << 30)
        for round in 0..<100 { queue.asked(try board(0), sum, Array(round * 50..<round * 50 + 50), at: .seconds(0)) }
        #expect(queue.due(at: .seconds(1)).count == ArtefactLimits.window)
        queue.asked(try board(0), sum, [1, 2], at: .seconds(1))
        queue.asked(try board(0), ContentSum(of: [2]), [7], at: .seconds(1))
        #expect(queue.due(at: .seconds(2)).map(\.chunk) == [7])
    }
}
