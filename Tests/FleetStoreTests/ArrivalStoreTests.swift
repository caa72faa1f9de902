import AuditLog
import FleetModel
import FleetStore
import Testing

/// What boards that come together change, in one transaction.
@Suite struct ArrivalStoreTests {
    private static func greeting(_ name: String, incarnation: UInt64 = 7) throws -> BoardGreeting {
        var description = try Samples.board(name).description
        description.engineVersion = "2"
        description.models = []
        return BoardGreeting(
            description: description, incarnation: incarnation, reportedGeneration: 8, lastSeenMilliseconds: 9_000)
    }

    @Test(arguments: StoreMaker.all)
    func greetingsReplaceWhatBoardsSayOfThemselves(maker: StoreMaker) async throws {
        try await maker.with { store in
            for name in ["a", "b", "c"] { try await store.saveBoard(try Samples.board(name)) }
            try await store.saveGreetings([])
            try await store.saveGreetings([
                try Self.greeting("b", incarnation: 5), try Self.greeting("a"), try Self.greeting("b"),
            ])

            let boards = try await store.boards()
            #expect(boards.map(\.incarnation) == [7, 7, 4])
            let kept = try Samples.board("b")
            #expect(boards[1].publicKey == kept.publicKey)
            #expect(boards[1].enrolledAtMilliseconds == kept.enrolledAtMilliseconds)
            #expect(boards[1].description == (try Self.greeting("b")).description)
            #expect(boards[1].reportedGeneration == 8 && boards[1].lastSeenMilliseconds == 9_000)
            #expect(boards[2] == (try Samples.board("c")))
        }
    }

    @Test(arguments: StoreMaker.all)
    func aGoodbyeStandsUntilTheNextHello(maker: StoreMaker) async throws {
        try await maker.with { store in
            for name in ["a", "b"] { try await store.saveBoard(try Samples.board(name)) }
            var goodbye = try Self.greeting("a")
            goodbye.hasLeft = true
            try await store.saveGreetings([goodbye])
            #expect(try await store.boards().map(\.hasLeft) == [true, false])
            try await store.saveGreetings([try Self.greeting("a")])
            #expect(try await store.boards().map(\.hasLeft) == [false, false])
        }
    }

    @Test(arguments: StoreMaker.all)
    func oneGreetingThatCannotBeKeptRefusesAll(maker: StoreMaker) async throws {
        try await maker.with { store in
            let board = try Samples.board("a")
            try await store.saveBoard(board)
            let absent = try Samples.id("absent")

            await #expect(throws: FleetStoreFailure.unknownBoard(absent)) {
                try await store.saveGreetings([try Self.greeting("a"), try Self.greeting("absent")])
            }
            await #expect(throws: FleetStoreFailure.outOfRange(field: "incarnation")) {
                try await store.saveGreetings([try Self.greeting("a"), try Self.greeting("a", incarnation: .max)])
            }
            #expect(try await store.boards() == [board])
        }
    }

    private static func request(_ name: String, key: String? = nil, token: UInt8 = 1) throws -> EnrolmentRequest {
        EnrolmentRequest(board: try Samples.board(name, key: key), tokenHash: Samples.token(token).hash)
    }

    @Test(arguments: StoreMaker.all)
    func enrolmentsUseTheirTokensInOrder(maker: StoreMaker) async throws {
        try await maker.with { store in
            try await store.addToken(Samples.token(1, uses: 2), atMilliseconds: 0)
            try await store.addToken(Samples.token(2), atMilliseconds: 0)
            let requests = [
                try Self.request("a"), try Self.request("b", token: 9), try Self.request("c"), try Self.request("d"),
                try Self.request("e", token: 2),
            ]

            #expect(try await store.enrol([], atMilliseconds: 1) == [])
            #expect(
                try await store.enrol(requests, atMilliseconds: 1)
                    == [.enrolled, .tokenRefused, .enrolled, .tokenRefused, .enrolled])
            #expect(try await store.boards().map(\.id.rawValue) == ["a", "c", "e"])
        }
    }

    @Test(arguments: StoreMaker.all)
    func anEnrolmentWithAnothersKeyRefusesAllAndUsesNoToken(maker: StoreMaker) async throws {
        try await maker.with { store in
            let known = try Samples.board("known", key: "key")
            try await store.saveBoard(known)
            try await store.addToken(Samples.token(1, uses: 2), atMilliseconds: 0)

            await #expect(throws: FleetStoreFailure.keyInUse(by: known.id)) {
                try await store.enrol([try Self.request("a"), try Self.request("b", key: "key")], atMilliseconds: 1)
            }
            #expect(try await store.boards() == [known])
            #expect(
                try await store.enrol([try Self.request("a"), try Self.request("b")], atMilliseconds: 1)
                    == [.enrolled, .enrolled])
        }
    }

    /// Every label, the class among them; who lacks one spends no use.
    @Test(arguments: StoreMaker.all)
    func aTokenWithLabelsIsForBoardsThatCarryThem(maker: StoreMaker) async throws {
        try await maker.with { store in
            var token = Samples.token(1, uses: 2)
            token.labels = ["site": "küche", "tier": "edge", "boardClass": "x86"]
            try await store.addToken(token, atMilliseconds: 0)
            try await store.addToken(Samples.token(2), atMilliseconds: 0)
            var (bearer, stranger) = (try Self.request("a"), try Self.request("b"))
            bearer.board.description.labels["tier"] = "edge"
            stranger.board.description.labels = ["site": "flur", "tier": "edge"]
            var late = try Self.request("d")
            late.board.description.labels["tier"] = "edge"

            let outcomes = try await store.enrol(
                [try Self.request("c"), bearer, stranger, late], atMilliseconds: 1)
            #expect(
                outcomes == [
                    .labelsMissing(["tier": "edge"]), .enrolled, .labelsMissing(["site": "küche"]), .enrolled,
                ])
            #expect(try await store.boards().map(\.id.rawValue) == ["a", "d"])
            #expect(try await store.enrol([stranger], atMilliseconds: 1) == [.tokenRefused])
            // A token that wants no labels is not touched by it.
            #expect(try await store.enrol([try Self.request("e", token: 2)], atMilliseconds: 1) == [.enrolled])
        }
    }

    /// In the transaction of the enrolment: of what did not happen there is no entry.
    @Test(arguments: StoreMaker.all)
    func eachEnrolmentHasItsEntry(maker: StoreMaker) async throws {
        try await maker.with { store in
            try await store.saveBoard(try Samples.board("known", key: "key"))
            try await store.addToken(Samples.token(1, uses: 2), atMilliseconds: 0)
            func request(_ name: String, key: String? = nil, token: UInt8 = 1) throws -> EnrolmentRequest {
                var request = try Self.request(name, key: key, token: token)
                request.audit = AuditDraft(
                    actor: "token", action: .boardEnrolled, target: "board \(name)", atMilliseconds: 1)
                return request
            }

            await #expect(throws: FleetStoreFailure.self) {
                try await store.enrol([try request("a"), try request("b", key: "key")], atMilliseconds: 1)
            }
            #expect(try await store.audit(after: nil, sinceMilliseconds: 0, limit: 9).isEmpty)
            _ = try await store.enrol(
                [try request("a"), try request("b", token: 9), try request("c"), try request("d")], atMilliseconds: 1)
            let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 9)
            #expect(entries.map(\.target) == ["board a", "board c"])
            #expect(entries.allSatisfy { $0.action == "boardEnrolled" })
            #expect(try await store.verifyAudit().fault == nil)
        }
    }

    /// Only a board can carry labels.
    @Test(arguments: StoreMaker.all)
    func aTokenWithLabelsIsNotRedeemedByItself(maker: StoreMaker) async throws {
        try await maker.with { store in
            var token = Samples.token(1)
            token.labels = ["tier": "edge"]
            try await store.addToken(token, atMilliseconds: 0)
            #expect(try await !store.redeemToken(hash: token.hash, atMilliseconds: 1))
            token.labels = [:]
            try await store.addToken(token, atMilliseconds: 0)
            #expect(try await store.redeemToken(hash: token.hash, atMilliseconds: 1))
        }
    }

    @Test(arguments: StoreMaker.all)
    func enrolmentsBeyondTheLimitAreRefused(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.boards = 2
        try await maker.with(limits) { store in
            try await store.addToken(Samples.token(1, uses: 9), atMilliseconds: 0)
            let requests = try ["a", "b", "c"].map { try Self.request($0) }
            await #expect(throws: FleetStoreFailure.limitReached(what: "boards", limit: 2)) {
                try await store.enrol(requests, atMilliseconds: 1)
            }
            #expect(try await store.boards().isEmpty)
            #expect(try await store.enrol(Array(requests.prefix(2)), atMilliseconds: 1) == [.enrolled, .enrolled])
        }
    }

    @Test(arguments: StoreMaker.all)
    func assignmentsAreStoredTogetherOrNotAtAll(maker: StoreMaker) async throws {
        try await maker.with { store in
            let ids = try ["a", "b", "c"].map { try Samples.id($0) }
            for id in ids { try await store.saveBoard(try Samples.board(id.rawValue)) }
            try await store.saveAssignments([(ids[0], Samples.assignment(1)), (ids[1], Samples.assignment(3))])

            await #expect(throws: FleetStoreFailure.staleGeneration(ids[1], kept: 3, offered: 3)) {
                try await store.saveAssignments([(ids[0], Samples.assignment(2)), (ids[1], Samples.assignment(3))])
            }
            #expect(
                try await store.assignments() == [ids[0]: Samples.assignment(1), ids[1]: Samples.assignment(3)])
            #expect(try await store.assignments(of: [ids[1], ids[2]]) == [ids[1]: Samples.assignment(3)])
            #expect(try await store.assignments(of: []).isEmpty)
        }
    }
}
