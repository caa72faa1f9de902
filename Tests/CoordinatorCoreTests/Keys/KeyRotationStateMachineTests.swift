import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

@Suite struct KeyRotationStateMachineTests {
    private typealias Machine = KeyRotationStateMachine<ContinuousClock.Instant>
    private let now = ContinuousClock.now

    private func wanted() -> Machine {
        var machine = Machine(key: "old", rotation: nil)
        _ = machine.wanted(number: 7, untilMilliseconds: 1_000, at: now)
        return machine
    }

    @Test func aBoardThatTellsItsKeyIsHeardWithBothUntilItSpeaksWithTheNewOne() {
        var machine = Machine(key: "old", rotation: nil)
        let rotation = BoardKeyRotation(number: 7, untilMilliseconds: 1_000)
        #expect(
            machine.wanted(number: 7, untilMilliseconds: 1_000, at: now)
                == [.save(key: "old", rotation: rotation), .send(KeyOrder(number: 7, .wanted))])

        let told = BoardKeyRotation(number: 7, nextKey: "new", untilMilliseconds: 1_000)
        let accepted = Machine.Action.send(KeyOrder(number: 7, .accepted(key: "new")))
        #expect(
            machine.told(KeyReport(number: 7, key: "new"), isTaken: false, at: now)
                == [.save(key: "old", rotation: told), .allow(key: "new"), accepted])
        #expect(machine.told(KeyReport(number: 7, key: "new"), isTaken: true, at: now) == [accepted])
        #expect(machine.boardGreeted(with: "old", at: now) == [accepted])

        #expect(
            Array(machine.boardGreeted(with: "new", at: now).prefix(2))
                == [.save(key: "new", rotation: nil), .forbid(key: "old")])
        #expect(machine.key == "new" && machine.rotation == nil)
        #expect(machine.boardGreeted(with: "new", at: now) == [])
    }

    @Test func reportsOfOtherRotationsAndOfTheKeyInForceChangeNothing() {
        var machine = wanted()
        #expect(machine.told(KeyReport(number: 6, key: "new"), isTaken: false, at: now) == [])
        #expect(machine.told(KeyReport(number: 7, key: "old"), isTaken: false, at: now) == [])
        var idle = Machine(key: "old", rotation: nil)
        #expect(idle.told(KeyReport(number: 7, key: "new"), isTaken: false, at: now) == [])
    }

    @Test func aKeyOfAnotherBoardIsNotTaken() {
        var machine = wanted()
        let actions = machine.told(KeyReport(number: 7, key: "new"), isTaken: true, at: now)
        #expect(machine.rotation?.nextKey == nil && !actions.contains(.allow(key: "new")))
        #expect(actions.count == 1)
    }

    /// Its disk may have been exchanged.
    @Test func aBoardThatTellsAnotherKeyIsNoLongerHeardWithTheOneBefore() {
        var machine = wanted()
        _ = machine.told(KeyReport(number: 7, key: "new"), isTaken: false, at: now)
        let actions = machine.told(KeyReport(number: 7, key: "newer"), isTaken: false, at: now)
        #expect(actions.contains(.forbid(key: "new")) && actions.contains(.allow(key: "newer")))
    }

    @Test func whatTakesTooLongIsGivenUpWithTheOldKey() {
        var machine = wanted()
        _ = machine.told(KeyReport(number: 7, key: "new"), isTaken: false, at: now)
        #expect(machine.timerFired(atMilliseconds: 999, isConnected: false, at: now) == [])
        let actions = machine.timerFired(atMilliseconds: 1_000, isConnected: false, at: now)
        #expect(Array(actions.prefix(2)) == [.save(key: "old", rotation: nil), .forbid(key: "new")])
        #expect(machine.key == "old" && machine.rotation == nil)
    }

    @Test func ordersAreSaidAgainWithGrowingPausesToBoardsThatAreThere() {
        var machine = wanted()
        func fires(after seconds: Int, _ isConnected: Bool = true) -> Bool {
            !machine.timerFired(atMilliseconds: 1, isConnected: isConnected, at: now + .seconds(seconds)).isEmpty
        }
        #expect(!fires(after: 0) && fires(after: 1) && !fires(after: 2) && fires(after: 3) && !fires(after: 6))
        #expect(!fires(after: 100, false) && fires(after: 100))
    }

    /// A second wish while one goes on keeps the key that the board holds.
    @Test func aSecondWishGivesMoreTime() {
        var machine = wanted()
        _ = machine.told(KeyReport(number: 7, key: "new"), isTaken: false, at: now)
        let actions = machine.wanted(number: 8, untilMilliseconds: 5_000, at: now)
        let rotation = BoardKeyRotation(number: 7, nextKey: "new", untilMilliseconds: 5_000)
        #expect(actions.first == .save(key: "old", rotation: rotation))
    }
}
