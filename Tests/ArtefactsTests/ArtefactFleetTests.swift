import FleetModel
import Testing

@testable import Artefacts

@Suite struct ArtefactFleetTests {
    private typealias Fleet = ArtefactFleet<TestInstant>

    private func board(_ name: String = "b") throws -> BoardID { try #require(BoardID(name)) }
    private var models: Set<ModelName> { Set(["m"].compactMap(ModelName.init)) }

    private func fleet(_ deployments: Deployments? = nil) throws -> Fleet {
        let id = try Samples.id()
        let list = [id: [try Samples.signed(1), try Samples.signed(2)]]
        return Fleet(
            keys: SigningKeys(signer: Samples.signer), artefacts: list,
            deployments: deployments ?? Deployments().deploying(id, version: 2))
    }

    private func state(
        _ generation: UInt64, key: ArtefactKey? = Samples.signer.key, holdings: [ArtefactHolding] = []
    ) -> ArtefactState { ArtefactState(number: 7, key: key, generation: generation, holdings: holdings) }

    private func holding(_ status: ArtefactHolding.Status = .inUse, reason: String = "") throws -> ArtefactHolding {
        ArtefactHolding(
            id: try Samples.id(), status: status, version: 2, previousVersion: 0, desiredVersion: 2,
            receivedBytes: 0, reason: reason)
    }

    /// To an agent of before an order with a kind that it does not know is none at all.
    @Test func policiesAreForBoardsThatKnowThem() throws {
        let (hooks, policies) = (try Samples.id(), try Samples.id(.policy))
        let list = [hooks: [try Samples.signed(2)], policies: [try Samples.signed(1, policies)]]
        let deployments = Deployments().deploying(hooks, version: 2).deploying(policies, version: 1)
        for knows in [false, true] {
            var fleet = Fleet(
                keys: SigningKeys(signer: Samples.signer), artefacts: list, deployments: deployments)
            let held = ArtefactHolding(
                id: policies, status: .leftOver, version: 0, previousVersion: 0, desiredVersion: 0, receivedBytes: 0,
                reason: "")
            let actions = fleet.stateReceived(
                state(0, holdings: knows ? [held] : []), from: try board(), models: models, at: .seconds(0))
            let desired = actions.compactMap { action in
                if case .send(.desired(_, let desired), _) = action { desired.map(\.id) } else { nil }
            }
            #expect(desired == [knows ? [hooks, policies].sorted() : [hooks]])
        }
    }

    @Test func aBoardIsToldUntilItFollows() throws {
        var fleet = try fleet()
        let board = try board()
        let first = fleet.stateReceived(state(0, key: nil), from: board, models: models, at: .seconds(0))
        let desired = ArtefactOrder.desired(
            generation: 1, [DesiredArtefact(try Samples.signed(2), mayDowngrade: false)])
        #expect(
            first == [
                .send(.heard(number: 7), board), .send(.trust(Samples.signer.key, []), board), .send(desired, board),
            ])
        var times: [Double] = []
        for tenth in 1...2_000 where !fleet.timerFired(at: .seconds(Double(tenth) / 10)).isEmpty {
            times.append(Double(tenth) / 10)
        }
        #expect(Array(times.prefix(5)) == [2, 6, 14, 30, 62])
        let heard = fleet.stateReceived(
            state(1, holdings: [try holding()]), from: board, models: models, at: .seconds(300))
        #expect(heard == [.send(.heard(number: 7), board)])
        #expect(fleet.timerFired(at: .seconds(900)).isEmpty)
    }

    @Test func onlyModelsOfTheBoardAreSpokenOf() throws {
        let fleet = try fleet()
        #expect(try fleet.desired(of: board(), running: models).map(\.signed.manifest.version) == [2])
        #expect(try fleet.desired(of: board(), running: []).isEmpty)
    }

    @Test func aChangeIsToldToAllThatHaveSpoken() throws {
        var fleet = try fleet()
        for name in ["a", "b"] {
            _ = fleet.stateReceived(
                state(1, holdings: [try holding()]), from: try board(name), models: models, at: .seconds(0))
        }
        #expect(fleet.timerFired(at: .seconds(50)).isEmpty)
        let id = try Samples.id()
        let actions = fleet.changed(
            keys: SigningKeys(signer: Samples.signer), artefacts: [id: [try Samples.signed(1)]],
            deployments: Deployments().deploying(id, version: 2).deploying(id, version: 1), at: .seconds(60))
        let order = ArtefactOrder.desired(
            generation: 2, [DesiredArtefact(try Samples.signed(1), mayDowngrade: true)])
        #expect(actions == [.send(order, try board("a")), .send(order, try board("b"))])
    }

    @Test func aBoardAheadLiftsTheDeployments() throws {
        var fleet = try fleet()
        let actions = fleet.stateReceived(state(9), from: try board(), models: models, at: .seconds(0))
        #expect(actions == [.send(.heard(number: 7), try board()), .lift(above: 9)])
        // Nobody is that far ahead.
        let far = fleet.stateReceived(state(1 << 40), from: try board(), models: models, at: .seconds(0))
        #expect(far == [.send(.heard(number: 7), try board())])
    }

    @Test func aRefusalIsToldOnce() throws {
        var fleet = try fleet()
        let board = try board()
        func refusals(_ holding: ArtefactHolding) -> Int {
            fleet.stateReceived(state(1, holdings: [holding]), from: board, models: models, at: .seconds(0)).count {
                if case .refused = $0 { true } else { false }
            }
        }
        #expect(try refusals(holding(.refused, reason: "of other weights")) == 1)
        #expect(try refusals(holding(.refused, reason: "of other weights")) == 0)
        #expect(try refusals(holding(.refused, reason: "died")) == 1)
        #expect(try refusals(holding()) == 0)
        #expect(try refusals(holding(.refused, reason: "died")) == 1)
    }

    @Test func eachFindOfDamageIsToldOnce() throws {
        var fleet = try fleet()
        let board = try board()
        func told(_ finds: [UInt64]) throws -> [String] {
            var state = state(1)
            state.damaged = try finds.map {
                ArtefactDamage(find: $0, id: try Samples.id(), version: $0, reason: "its file is gone")
            }
            return fleet.stateReceived(state, from: board, models: models, at: .seconds(0)).compactMap {
                if case .damaged(_, let text) = $0 { text } else { nil }
            }
        }
        #expect(try told([1, 2]) == (1...2).map { "\(try Samples.id()) version \($0): its file is gone" })
        #expect(try told([1, 2]).isEmpty)
        #expect(try told([]).isEmpty)
        #expect(try told([1, 2, 9]).count == 1)
    }
}
