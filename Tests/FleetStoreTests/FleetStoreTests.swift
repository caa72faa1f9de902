import AuditLog
import FleetModel
import FleetStore
import Testing

@Suite struct FleetStoreTests {
    // MARK: Boards

    @Test(arguments: StoreMaker.all)
    func boardsAreFoundReplacedAndListedInOrder(maker: StoreMaker) async throws {
        try await maker.with { store in
            let second = try Samples.board("board-2")
            var first = try Samples.board("board-1")
            try await store.saveBoard(second)
            try await store.saveBoard(first)
            first.lastSeenMilliseconds = 9_000
            first.publicKey = "new key"
            try await store.saveBoard(first)

            #expect(try await store.board(first.id) == first)
            #expect(try await store.board(try Samples.id("absent")) == nil)
            #expect(try await store.boards() == [first, second])
            #expect(try await store.allowList() == ["new key": first.id, second.publicKey: second.id])
        }
    }

    @Test(arguments: StoreMaker.all)
    func aRevokedBoardIsKeptButNotAllowed(maker: StoreMaker) async throws {
        try await maker.with { store in
            var board = try Samples.board("board-1")
            board.revokedAtMilliseconds = 5
            try await store.saveBoard(board)

            #expect(try await store.boards() == [board])
            #expect(try await store.allowList().isEmpty)
        }
    }

    /// Of a board that changes its key, both may speak.
    @Test(arguments: StoreMaker.all)
    func aBoardThatIsDrainedAndChangesItsKeyIsKeptAsItIs(maker: StoreMaker) async throws {
        try await maker.with { store in
            var board = try Samples.board("board-1")
            (board.drainedAtMilliseconds, board.keySinceMilliseconds, board.hasLeft) = (7, 8, true)
            board.keyRotation = BoardKeyRotation(number: 3, nextKey: "next", untilMilliseconds: 9)
            try await store.saveBoard(board)
            #expect(try await store.board(board.id) == board)
            #expect(try await store.allowList() == [board.publicKey: board.id, "next": board.id])

            board.keyRotation?.nextKey = nil
            try await store.saveBoard(board)
            #expect(try await store.board(board.id) == board)
            #expect(try await store.allowList() == [board.publicKey: board.id])

            (board.drainedAtMilliseconds, board.keySinceMilliseconds, board.keyRotation) = (nil, nil, nil)
            board.hasLeft = false
            try await store.saveBoard(board)
            #expect(try await store.board(board.id) == board)
        }
    }

    @Test(arguments: StoreMaker.all)
    func aKeyBelongsToOneBoard(maker: StoreMaker) async throws {
        try await maker.with { store in
            let first = try Samples.board("board-1", key: "key")
            try await store.saveBoard(first)

            await #expect(throws: FleetStoreFailure.keyInUse(by: first.id)) {
                try await store.saveBoard(try Samples.board("board-2", key: "key"))
            }
            #expect(try await store.boards() == [first])
        }
    }

    @Test(arguments: StoreMaker.all)
    func boardsAreLimited(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.boards = 2
        try await maker.with(limits) { store in
            try await store.saveBoard(try Samples.board("board-1"))
            try await store.saveBoard(try Samples.board("board-2"))
            try await store.saveBoard(try Samples.board("board-2"))

            await #expect(throws: FleetStoreFailure.limitReached(what: "boards", limit: 2)) {
                try await store.saveBoard(try Samples.board("board-3"))
            }
            #expect(try await store.boards().count == 2)
        }
    }

    @Test(arguments: StoreMaker.all)
    func numbersBeyondSigned64BitsAreRefused(maker: StoreMaker) async throws {
        try await maker.with { store in
            var board = try Samples.board("board-1")
            board.incarnation = .max

            await #expect(throws: FleetStoreFailure.outOfRange(field: "incarnation")) {
                try await store.saveBoard(board)
            }
        }
    }

    // MARK: Enrolment

    @Test(arguments: StoreMaker.all)
    func aTokenWorksAsOftenAsItSaysUntilItExpires(maker: StoreMaker) async throws {
        try await maker.with { store in
            let token = Samples.token(1, uses: 2)
            try await store.addToken(token, atMilliseconds: 0)
            try await store.addToken(Samples.token(2), atMilliseconds: 0)

            #expect(try await store.redeemToken(hash: token.hash, atMilliseconds: 4_999))
            #expect(try await store.redeemToken(hash: token.hash, atMilliseconds: 4_999))
            #expect(try await !store.redeemToken(hash: token.hash, atMilliseconds: 4_999))
            #expect(try await !store.redeemToken(hash: Samples.token(2).hash, atMilliseconds: 5_000))
            #expect(try await !store.redeemToken(hash: [9], atMilliseconds: 0))
        }
    }

    @Test(arguments: StoreMaker.all)
    func concurrentRedemptionsShareTheUses(maker: StoreMaker) async throws {
        try await maker.with { store in
            let token = Samples.token(1, uses: 3)
            try await store.addToken(token, atMilliseconds: 0)

            let redeemed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<10 {
                    group.addTask { try await store.redeemToken(hash: token.hash, atMilliseconds: 1) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }

            #expect(redeemed == 3)
        }
    }

    @Test(arguments: StoreMaker.all)
    func aRefusedEnrolmentLeavesTheTokenUsable(maker: StoreMaker) async throws {
        try await maker.with { store in
            let token = Samples.token(1)
            try await store.saveBoard(try Samples.board("board-1", key: "key"))
            try await store.addToken(token, atMilliseconds: 0)

            await #expect(throws: FleetStoreFailure.self) {
                try await store.enrol(
                    try Samples.board("board-2", key: "key"), tokenHash: token.hash, atMilliseconds: 1)
            }
            let board = try Samples.board("board-2")
            #expect(try await store.enrol(board, tokenHash: token.hash, atMilliseconds: 1))
            #expect(try await !store.enrol(board, tokenHash: token.hash, atMilliseconds: 1))
            #expect(try await store.board(board.id) == board)
        }
    }

    @Test(arguments: StoreMaker.all)
    func onlyUsableTokensCountAgainstTheLimit(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.tokens = 2
        try await maker.with(limits) { store in
            try await store.addToken(Samples.token(1, expires: 10), atMilliseconds: 0)
            try await store.addToken(Samples.token(2), atMilliseconds: 0)
            await #expect(throws: FleetStoreFailure.limitReached(what: "tokens", limit: 2)) {
                try await store.addToken(Samples.token(3), atMilliseconds: 9)
            }

            try await store.addToken(Samples.token(3), atMilliseconds: 10)
            #expect(try await store.redeemToken(hash: Samples.token(3).hash, atMilliseconds: 11))
        }
    }

    // MARK: Policies and assignments

    @Test(arguments: StoreMaker.all)
    func policiesAreVersioned(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.policies = 2
        try await maker.with(limits) { store in
            let first = try await store.savePolicy(Samples.policy("b"), text: "text 1")
            let second = try await store.savePolicy(Samples.policy("b", priority: 2), text: "text 2")
            let other = try await store.savePolicy(Samples.policy("a"), text: "text 3")
            await #expect(throws: FleetStoreFailure.limitReached(what: "policies", limit: 2)) {
                try await store.savePolicy(Samples.policy("c"), text: "")
            }

            #expect(first.version == 1)
            #expect(second.version == 2)
            #expect(try await store.policies() == [other, second])
        }
    }

    @Test(arguments: StoreMaker.all)
    func generationsOfAssignmentsOnlyRise(maker: StoreMaker) async throws {
        try await maker.with { store in
            let board = try Samples.board("board-1")
            try await store.saveBoard(board)
            try await store.saveAssignment(Samples.assignment(5), for: board.id)

            for offered: UInt64 in [4, 5] {
                await #expect(throws: FleetStoreFailure.staleGeneration(board.id, kept: 5, offered: offered)) {
                    try await store.saveAssignment(Samples.assignment(offered), for: board.id)
                }
            }
            try await store.saveAssignment(Samples.assignment(6), for: board.id)
            #expect(try await store.assignments() == [board.id: Samples.assignment(6)])
            let absent = try Samples.id("absent")
            await #expect(throws: FleetStoreFailure.unknownBoard(absent)) {
                try await store.saveAssignment(Samples.assignment(1), for: absent)
            }
        }
    }

    // MARK: Events

    @Test(arguments: StoreMaker.all)
    func theNewestEventsAreKept(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.events = 3
        try await maker.with(limits) { store in
            for number: UInt64 in 1...5 { try await store.appendEvent(try Samples.event(number)) }

            #expect(try await store.events(limit: 10) == [5, 4, 3].map { try Samples.event($0) })
            #expect(try await store.events(limit: 1) == [try Samples.event(5)])
            try await store.appendEvents([])
            try await store.appendEvents(try (6...7).map { try Samples.event($0) })
            #expect(try await store.events(limit: 10) == [7, 6, 5].map { try Samples.event($0) })
            try await store.appendEvents(try (8...12).map { try Samples.event($0) })
            #expect(try await store.events(limit: 10) == [12, 11, 10].map { try Samples.event($0) })
            // All or none.
            var late = try Samples.event(13)
            late.atMilliseconds = .max
            let refused = [try Samples.event(13), late]
            await #expect(throws: FleetStoreFailure.self) { try await store.appendEvents(refused) }
            #expect(try await store.events(limit: 1) == [try Samples.event(12)])
        }
    }

    @Test(arguments: StoreMaker.all)
    func aPolicyThatIsRemovedIsForgotten(maker: StoreMaker) async throws {
        try await maker.with { store in
            _ = try await store.savePolicy(Samples.policy("a"), text: "text 1")
            let second = try await store.savePolicy(Samples.policy("a", priority: 2), text: "text 2")
            let other = try await store.savePolicy(Samples.policy("b"), text: "text 3")
            let audit = AuditDraft(actor: "ann", action: .policyWithdrawn, target: "policy a", atMilliseconds: 5)

            #expect(try await store.removePolicy("c", audit: audit) == nil)
            #expect(try await store.removePolicy("a", audit: audit) == second)
            #expect(try await store.removePolicy("a", audit: audit) == nil)

            #expect(try await store.policies() == [other])
            // What did not happen has no entry.
            let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10)
            #expect(entries.map(\.action) == ["policyWithdrawn"])
            #expect(try await store.savePolicy(Samples.policy("a"), text: "text 4").version == 1)
        }
    }
}
