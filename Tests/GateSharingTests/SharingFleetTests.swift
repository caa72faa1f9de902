import AgentCore
import CoordinatorCore
import FleetModel
import Foundation
import HookNetworks
import HookSharing
import SearchSpace
import Testing
import WireProtocol

@testable import GateSharing

/// The machines of five boards and of a coordinator, with gates that really learn, over a network that loses, repeats
/// and reorders messages.
private struct SharingFleet {
    struct Agent {
        let id: BoardID
        let gates: SharedGates
        var session: GateSharingSession<ContinuousClock.Instant>
        let samples: [GateSamples]
        var number: UInt64 = 0
        var flips = false
    }

    var agents: [Agent]
    var coordinator: HookSharingStateMachine<ContinuousClock.Instant>
    var now = ContinuousClock.now
    var generator: SeededGenerator
    var orders: [(BoardID, GateOrder)] = []
    var reports: [(BoardID, GateReport)] = []
    var events: [(FleetEvent.Kind, BoardID?)] = []
    let loss: Double

    init(_ start: HookState, folder: String, boards: Int, loss: Double, seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        self.loss = loss
        var settings = HookSharingStateMachine<ContinuousClock.Instant>.Settings()
        (settings.enough, settings.watch) = (boards, .zero)
        coordinator = .init(settings: settings, stored: [], at: now)
        agents = try (1...boards).map { number in
            let gates = try SharedGates(start: start, path: folder + "/board-\(number)")
            return Agent(
                id: try #require(BoardID("board-\(number)")), gates: gates,
                session: .init(
                    modelSHA256: gates.modelSHA256, hookSHA256: gates.hookSHA256,
                    parameters: gates.parameterCount, gates: gates.layout.gateCount, version: gates.version),
                samples: [gateSamples(300, seed: seed &+ UInt64(number))])
        }
        for index in agents.indices { perform(agents[index].session.sessionStarted(), index) }
    }

    mutating func step() {
        now = now.advanced(by: .seconds(6))
        for index in agents.indices { act(index) }
        deliver()
        perform(coordinator.timerFired(at: now, milliseconds: 1))
        deliver()
    }

    private mutating func act(_ index: Int) {
        let agent = agents[index]
        _ = agent.gates.attend(agent.samples)
        if let scored = agent.gates.takeScored() {
            perform(
                agent.session.scored(
                    scored.version, samples: scored.samples, loss: scored.loss, lossBefore: scored.lossBefore,
                    gates: scored.gates), index)
        }
        if agent.session.mayUpdate(at: now) {
            _ = agent.gates.train(agent.samples, seed: generator.next()) { true }
            if let learned = agent.gates.takeLearned() {
                agents[index].number += 1
                perform(
                    agents[index].session.learned(
                        number: agents[index].number, baseVersion: learned.baseVersion,
                        delta: agent.flips ? learned.delta.map { -$0 } : learned.delta, samples: learned.samples,
                        loss: learned.loss, at: now), index)
            }
        }
        perform(agents[index].session.timerFired(at: now), index)
        // Now and then a connection breaks and another one greets.
        if generator.next() % 40 == 0 {
            agents[index].session.sessionLost()
            perform(agents[index].session.sessionStarted(), index)
        }
    }

    private mutating func lossy<Value>(_ values: [Value]) -> [Value] {
        var result: [Value] = []
        for value in values {
            if Double(generator.next() % 1_000) / 1_000 < loss { continue }
            result.append(value)
            if Double(generator.next() % 1_000) / 1_000 < loss { result.append(value) }
        }
        return loss > 0 ? result.shuffled(using: &generator) : result
    }

    private mutating func deliver() {
        while !reports.isEmpty || !orders.isEmpty {
            let said = lossy(reports)
            reports = []
            for (board, report) in said {
                perform(
                    coordinator.reportReceived(report, from: board, of: "test", at: now, milliseconds: 1))
            }
            let told = lossy(orders)
            orders = []
            for (board, order) in told {
                guard let index = agents.firstIndex(where: { $0.id == board }) else { continue }
                perform(agents[index].session.received(order.content, at: now), index)
            }
        }
    }

    private mutating func perform(_ actions: [GateSharingSession<ContinuousClock.Instant>.Action], _ index: Int) {
        for action in actions {
            switch action {
            case .send(let report): reports.append((agents[index].id, report))
            case .adopt(let number, let values, let gates):
                #expect(agents[index].gates.adopt(.init(number: number, values: values, gates: gates)))
                perform(agents[index].session.using(number), index)
            case .score(let number, let values):
                _ = agents[index].gates.ask(about: .init(number: number, values: values, gates: []))
            case .damaged: Issue.record("a version came damaged")
            }
        }
    }

    private mutating func perform(_ actions: [HookSharingStateMachine<ContinuousClock.Instant>.Action]) {
        for action in actions {
            switch action {
            case .send(.gateOrder(let order), let board): orders.append((board, order))
            case .saveUpdate(let update, let group):
                perform(coordinator.updatePersisted(update, group, at: now, milliseconds: 1))
            case .saveVersion(let version, let state, _):
                perform(coordinator.versionPersisted(version, state, at: now))
            case .record(let kind, let board, _): events.append((kind, board))
            case .send, .saveState, .dropUpdates: break
            }
        }
    }

    var current: UInt64 { coordinator.views.first?.state.current ?? 0 }
}

@Suite struct SharingFleetTests {
    private func start() throws -> HookState {
        var hook = HookState.Hook(
            AttachmentPoint(kind: .model, operator: "small", flops: 9, microseconds: 5, parts: 0..<0))
        hook.gate = GateLayoutFile.rounded(try trainedGate(seed: 1, epochs: 1))
        return HookState(kinds: [.model], weightsSHA256: String(repeating: "a", count: 64), hooks: [hook])
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sharing-fleet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    /// On samples that no board has seen.
    private func loss(_ gates: SharedGates, values: [Float]) throws -> Double {
        let gate = try #require(gates.layout.gates(values, [nil])[0])
        return GateRefiner.validation(of: gate, on: gateSamples(1_000, seed: 99)).loss
    }

    @Test(arguments: [0.0, 0.1, 0.3])
    func boardsLearnTogetherWhateverTheNetworkDoes(share: Double) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        try withFolder { folder in
            let start = try start()
            var fleet = try SharingFleet(start, folder: folder, boards: 5, loss: share, seed: seed)
            var steps = 0
            while fleet.current < 4, steps < 2_000 {
                fleet.step()
                steps += 1
            }
            let version = try #require(fleet.coordinator.views.first?.versions.last, "seed \(seed)")
            #expect(version.number >= 4, "seed \(seed): \(steps) steps")
            // Everybody comes to use it.
            for _ in 0..<400 where fleet.agents.contains(where: { $0.gates.version != fleet.current }) { fleet.step() }
            let gates = fleet.agents[0].gates
            #expect(fleet.agents.allSatisfy { $0.gates.version == fleet.current }, "seed \(seed)")
            let origin = gates.layout.vector(of: [start.hooks[0].gate])
            let before = try loss(gates, values: origin)
            let after = try loss(gates, values: zip(origin, version.values).map { $0 + $1 })
            #expect(after < before, "seed \(seed): \(before) to \(after)")
        }
    }

    @Test func aBoardThatFlipsItsUpdatesIsNamedAndHarmsNobody() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        try withFolder { folder in
            let start = try start()
            var fleet = try SharingFleet(start, folder: folder, boards: 5, loss: 0, seed: seed)
            fleet.agents[2].flips = true
            for _ in 0..<40 where fleet.current < 1 { fleet.step() }
            let version = try #require(fleet.coordinator.views.first?.versions.first, "seed \(seed)")
            let out = version.provenance.shares.filter { $0.exclusion != nil }.map(\.board)
            #expect(out == [fleet.agents[2].id], "seed \(seed): \(version.provenance.shares)")
            #expect(fleet.events.contains { $0.0 == .hookOutlier && $0.1 == fleet.agents[2].id }, "seed \(seed)")
        }
    }
}
