import FleetModel
import Testing

@testable import Messaging

@Suite struct BoundedQueueTests {
    @Test func isFirstInFirstOutUpToItsLimit() {
        var queue = BoundedQueue<Int>(limit: 40)

        for round in 0..<5 {
            let numbers = (0..<40).map { round * 40 + $0 }
            let taken = numbers.map { queue.append($0) }
            let beyond = [queue.append(-1), queue.prepend(-1)]
            let popped = (0..<41).map { _ in queue.popFirst() }
            #expect(taken.allSatisfy { $0 })
            #expect(beyond == [false, false])
            #expect(popped == numbers + [nil])
        }
    }

    @Test func whatIsPutBackComesFirst() {
        var queue = BoundedQueue<Int>(limit: 3)

        let taken = [queue.append(1), queue.append(2), queue.prepend(0)]
        let popped = (0..<3).map { _ in queue.popFirst() }

        #expect(taken == [true, true, true])
        #expect(popped == [0, 1, 2])
        #expect(queue.isEmpty)
    }

    @Test func theAllowListIsBoundedAndForgets() throws {
        let allowList = AllowList()
        let board = try #require(BoardID("board-1"))
        let (old, new) = (try CurveKeyPair.generate().publicKey, try CurveKeyPair.generate().publicKey)

        #expect(allowList.allow(old, as: board))
        #expect(allowList.allow(new, as: board))
        allowList.revoke(old)
        #expect(allowList.board(of: old) == nil)
        #expect(allowList.board(of: new) == board)
        allowList.revoke(board)
        #expect(allowList.count == 0)
    }
}
