import Testing

@testable import Messaging

/// The order of addresses and the moves between them, on instants that are given.
@Suite struct AddressChoiceTests {
    private typealias Choice = AddressChoice<ContinuousClock.Instant>

    private static let three = ["tcp://10.0.0.1:7700", "tcp://10.0.0.2:7700", "tcp://10.0.0.3:7700"]
    private let start = ContinuousClock.now
    private let seed = UInt64.random(in: 0...UInt64.max)

    /// SplitMix64, so that a printed seed repeats a run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private func choice(_ addresses: [String] = three, board: String = "edge-1") -> Choice {
        Choice(of: addresses, for: board, at: start)
    }

    @Test(arguments: [2, 3, 5, 8])
    func tenThousandBoardsSpreadEvenly(count: Int) {
        let addresses = (1...count).map { "tcp://10.0.0.\($0):7700" }
        var first: [String: Int] = [:]
        for number in 0..<10_000 { first[Choice.order(of: addresses, for: "edge-\(number)")[0], default: 0] += 1 }

        let share = 10_000.0 / Double(count)
        // Five standard deviations of a fair draw.
        let spread = 5 * (share * (1 - 1 / Double(count))).squareRoot()
        #expect(first.count == count)
        for (address, boards) in first { #expect(abs(Double(boards) - share) < spread, "\(address): \(boards)") }
    }

    /// Boards of the address that is gone spread over the others; nobody else moves.
    @Test func anAddressThatGoesAwayMovesItsOwnBoardsAlone() {
        var moved: [String: Int] = [:]
        for number in 0..<10_000 {
            let board = "edge-\(number)"
            let before = Choice.order(of: Self.three, for: board)
            let after = Choice.order(of: Array(Self.three.dropLast()), for: board)
            #expect(after == before.filter { $0 != Self.three[2] })
            if before[0] == Self.three[2] { moved[after[0], default: 0] += 1 }
        }
        #expect(moved.count == 2)
        for (address, boards) in moved { #expect(abs(boards - 1_667) < 200, "\(address): \(boards)") }
    }

    @Test func theOrderDoesNotDependOnHowAddressesAreListed() {
        #expect(choice(Self.three + Self.three).order == choice(Self.three.reversed()).order)
    }

    @Test func withOneAddressNothingElseIsDialled() {
        var choice = choice([Self.three[0]])
        var generator = Generator(state: seed)

        #expect(choice.nextDeadline == nil)
        #expect(choice.unanswered(at: start) == nil)
        choice.connected(at: start, using: &generator)
        choice.connectionLost(at: start)
        #expect(choice.timerFired(at: start.advanced(by: .seconds(100_000))) == nil)
    }

    @Test func anAddressWithoutAConnectionIsLeftInTimeAndAllAreTried() {
        var choice = choice()
        let order = choice.order
        var now = start
        #expect(choice.timerFired(at: start.advanced(by: .milliseconds(4_999))) == nil)

        for place in [1, 2, 0, 1] {
            now = now.advanced(by: .seconds(5))
            #expect(choice.timerFired(at: now) == order[place])
            #expect(choice.current == order[place])
        }
    }

    @Test func aConnectionThatIsLostHasTheSameTimeToComeBack() {
        var choice = choice()
        var generator = Generator(state: seed)
        choice.connected(at: start, using: &generator)
        #expect(choice.nextDeadline == nil, "at home")

        let lost = start.advanced(by: .seconds(60))
        choice.connectionLost(at: lost)
        #expect(choice.timerFired(at: lost.advanced(by: .seconds(4))) == nil)
        choice.connected(at: lost.advanced(by: .seconds(4)), using: &generator)
        #expect(choice.timerFired(at: lost.advanced(by: .seconds(5))) == nil)
        choice.connectionLost(at: lost.advanced(by: .seconds(10)))
        #expect(choice.timerFired(at: lost.advanced(by: .seconds(15))) == choice.order[1])
    }

    @Test func whoTakesConnectionsAndDoesNotAnswerIsLeftToo() {
        var choice = choice()
        var generator = Generator(state: seed)
        choice.connected(at: start, using: &generator)

        #expect(choice.unanswered(at: start) == choice.order[1])
    }

    /// Back to the first address between once and twice of the time, which doubles while that fails, up to a limit.
    @Test func boardsComeHomeWithJitterAndMoreAndMoreSeldom() throws {
        var choice = choice()
        var generator = Generator(state: seed)
        var now = start
        var away = Duration.seconds(60)
        for _ in 0..<9 {
            now = now.advanced(by: .seconds(5))
            #expect(choice.timerFired(at: now) == choice.order[1])
            choice.connected(at: now, using: &generator)
            let home = try #require(choice.nextDeadline)
            let range = now.advanced(by: away)...now.advanced(by: away * 2)
            #expect(range.contains(home), "seed \(seed)")
            #expect(choice.timerFired(at: home) == choice.order[0])
            away = min(away * 2, .seconds(3_600))
            now = home
        }
        choice.connected(at: now, using: &generator)
        #expect(choice.nextDeadline == nil)
        // It is as it was at the start.
        #expect(choice.unanswered(at: now) == choice.order[1])
        choice.connected(at: now, using: &generator)
        #expect(try #require(choice.nextDeadline) <= now.advanced(by: .seconds(120)), "seed \(seed)")
    }
}
