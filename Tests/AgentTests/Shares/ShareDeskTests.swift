import FleetModel
import Foundation
import Processors
import Synchronization
import Testing

@testable import Agent

@Suite struct ShareDeskTests {
    private final class Scheduling: ThreadScheduling {
        let placed = Mutex<[Int32: [Int]]>([:])

        func place(_ thread: Int32, on processors: [Int]) throws(ShareRefusal) -> [Int] {
            placed.withLock { $0[thread] = processors }
            return processors
        }

        func rank(_ thread: Int32, nice: Int32) throws(ShareRefusal) -> Int32 { nice }
    }

    private static func assignment(_ model: String, share: Double?) -> ModelAssignment {
        ModelAssignment(
            model: model, latency: .init(milliseconds: 10, percentile: 95), lowestPoint: 0, highestPoint: 0,
            preferredPoint: 0, priority: 1, cpuShare: share)
    }

    private static func enforcement(_ scheduling: Scheduling) -> ShareEnforcement {
        ShareEnforcement(processors: [0, 1], scheduling: scheduling) { () throws(ShareRefusal) in
            throw ShareRefusal("no cgroup here")
        }
    }

    /// Models that take turns on a thread have what they are given together; one without a limit lifts it.
    @Test(
        arguments: [
            (["a": 0.1, "b": 0.2], [0.6, nil]), (["a": 0.1], [nil, nil]), (["c": 0.25], [nil, 0.5]), ([:], [nil, nil]),
        ] as [([String: Double], [Double?])])
    func sharesOfAThreadAddUp(shares: [String: Double], cores: [Double?]) {
        let lanes = [
            ShareDesk.Lane(models: ["a", "b"], processor: nil) { 5 }, .init(models: ["c"], processor: 1) { 6 },
        ]
        let demands = ShareDesk.demands(of: lanes, shares: shares, cores: 2)
        #expect(demands.map(\.name) == ["a+b", "c"] && demands.map(\.thread) == [5, 6])
        #expect(demands.map(\.processor) == [nil, 1])
        for (demand, wanted) in zip(demands, cores) {
            #expect(demand.cores.map { ($0 * 100).rounded() / 100 } == wanted)
        }
    }

    /// A share that was asked for and binds nothing is no share that nobody asked for.
    @Test func aLimitThatANeighbourLiftsIsToldOf() {
        let lanes = [
            ShareDesk.Lane(models: ["a", "b"], processor: nil) { 5 }, .init(models: ["c"], processor: 1) { 6 },
        ]
        var desk = ShareDesk(lanes, cores: 2, enforcement: Self.enforcement(Scheduling()))
        let lifted = "the limit of a is lifted by b, which has none and takes turns with it"
        desk.assigned([Self.assignment("a", share: 0.4), Self.assignment("b", share: nil)])
        #expect(desk.timerFired() == ShareTelemetry(means: .none, detail: "", reason: lifted))
        desk.assigned([Self.assignment("a", share: 0.4), Self.assignment("c", share: 0.25)])
        let held = desk.timerFired()
        #expect(held?.means == .affinity && held?.detail.contains("c on processor 1") == true)
        #expect(held?.detail.hasSuffix("; " + lifted) == true && held?.reason == "no cgroup here")
        desk.assigned([Self.assignment("a", share: 0.2), Self.assignment("b", share: 0.2)])
        #expect(desk.timerFired()?.detail.contains("lifted") == false)
        desk.assigned([])
        #expect(desk.timerFired() == nil && desk.telemetry == nil)
    }

    @Test func threadsAreHeldOnceTheyRun() {
        let (number, scheduling) = (Box(Atomic<Int32>(0)), Scheduling())
        var desk = ShareDesk(
            [.init(models: ["a"], processor: nil) { number.value.load(ordering: .relaxed) }], cores: 1,
            enforcement: Self.enforcement(scheduling))
        desk.assigned([Self.assignment("a", share: 0.5)])
        #expect(desk.timerFired() == nil && desk.telemetry == nil)
        number.value.store(41, ordering: .relaxed)
        let held = ShareTelemetry(means: .affinity, detail: "a on processor 1, nice 3", reason: "no cgroup here")
        #expect(desk.timerFired() == held && desk.telemetry == held)
        // Nothing is done again for the same assignment.
        desk.assigned([Self.assignment("a", share: 0.5)])
        #expect(desk.timerFired() == nil && desk.telemetry == held)
        desk.assigned([Self.assignment("a", share: nil)])
        #expect(desk.timerFired() == nil && desk.telemetry == nil)
        #expect(scheduling.placed.withLock { $0 } == [41: [0, 1]])
    }

    private final class Box: Sendable {
        let value: Atomic<Int32>
        init(_ value: consuming Atomic<Int32>) { self.value = value }
    }

    private static func read(_ rest: String) throws -> AgentConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            models:
              - { name: m, package: p, points: q, stream: { images: [i], busyShare: 1 } }
            \(rest)
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path())
    }

    @Test func theConfigurationSaysHow() throws {
        #expect(try Self.read("").shares == .init() && Self.read("").watts == nil)
        let read = try Self.read("watts: 4.5\nshares: { means: affinity, cgroup: /sys/fs/cgroup/a }")
        #expect(read.watts == 4.5 && read.shares == .init(means: .affinity, cgroup: "/sys/fs/cgroup/a"))
    }

    @Test(arguments: [
        ("watts: -1", "watts: is outside"), ("shares: { means: force }", "shares.means: cannot be read"),
        ("shares: { cgroup: a }", "shares.cgroup: give the whole path"), ("shares: { quota: 1 }", "shares.quota"),
    ])
    func whatCannotBeMeantIsRefused(rest: String, words: String) {
        let failure = #expect(throws: ConfigurationFailure.self) { try Self.read(rest) }
        #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "")")
    }

    /// Affinity and priority on this machine; no group is asked for.
    @Test func meansMayBeChosen() {
        for (means, wanted) in [
            (AgentConfiguration.Shares.Means.affinity, ShareEnforcement.Means.affinity), (.none, .none),
        ] {
            let ready = DispatchSemaphore(value: 0)
            let number = Box(Atomic<Int32>(0))
            let done = Box(Atomic<Int32>(0))
            let thread = Thread {
                number.value.store(ThreadNumber.current, ordering: .relaxed)
                ready.signal()
                while done.value.load(ordering: .relaxed) == 0 { usleep(1_000) }
            }
            thread.start()
            ready.wait()
            var enforcement = ShareEnforcement(
                .init(means: means), processors: ProcessorAffinity.current.processors,
                process: ProcessInfo.processInfo.processIdentifier)
            let thread1 = number.value.load(ordering: .relaxed)
            let outcome = enforcement.enforce([ShareDemand(name: "a", thread: thread1, cores: 0.5)])
            #expect(outcome?.means == wanted)
            #expect(outcome?.reason.contains("switched off") == true)
            done.value.store(1, ordering: .relaxed)
        }
    }
}
