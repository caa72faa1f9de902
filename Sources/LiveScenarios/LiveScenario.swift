import Foundation
import Glibc
import Processors
public import Scenarios
import Synchronization

/// Lives through a scenario in real time: real inference on one processor of this machine, beside real competing work.
///
/// Belongs to one thread, which it takes to that processor.
public struct LiveScenario {
    /// With the run times that were measured here.
    private let scenario: Scenario
    private let models: [LiveModel]
    private let processor: Int
    private let others: ProcessorAffinity

    /// Loads or makes what the models run, measures it, and lives through the scenario once per policy, on a thread of
    /// its own.
    /// - Parameters:
    ///   - folder: of the scenario's file, for paths in it.
    ///   - processor: `nil` takes the last that this process may use.
    ///   - policies: those wanted, of `ScenarioReport.policies`.
    ///   - isStarting: called with each policy before its run, which takes as long as the scenario.
    ///   - note: called before the first run with what people are to know of it, as in `warning: ...`.
    /// - Throws: `LiveScenarioFailure`, or what a package is refused for.
    public static func report(
        of scenario: Scenario, folder: String, processor: Int?, policies: [String],
        isStarting: @escaping @Sendable (String) -> Void, note: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> (report: ScenarioReport, plots: [String: String]) {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(
                    with: Result {
                        let live = try LiveScenario(scenario, folder: folder, processor: processor)
                        for model in live.models { model.warning.map { note("warning: \($0)") } }
                        return try live.report(policies: policies, isStarting: isStarting)
                    })
            }
            thread.name = "scenario"
            thread.start()
        }
    }

    private init(_ scenario: Scenario, folder: String, processor: Int?) throws {
        let allowed = ProcessorAffinity.current
        let chosen = processor ?? allowed.processors.last ?? 0
        guard allowed.processors.contains(chosen) else {
            throw LiveScenarioFailure("processor \(chosen) is not one of \(allowed.processors)")
        }
        for (index, load) in scenario.loads.enumerated() where min(load.slowdown, load.endSlowdown) < 1 {
            throw LiveScenarioFailure("load[\(index)]: no real processor can be made faster than it is")
        }
        // Before anything is measured, which takes time.
        try CompetingLoad.check(LoadSchedule.highest(of: scenario))
        self.processor = chosen
        others = allowed.without(chosen)
        ProcessorAffinity(processor: chosen).takeOn()
        models = try scenario.models.enumerated().map { index, model in
            try LiveModel(model, folder: folder, seed: scenario.seed &+ UInt64(index))
        }
        var measured = scenario
        for index in models.indices { measured.models[index].points = models[index].points }
        self.scenario = measured
    }

    private func report(
        policies: [String], isStarting: (String) -> Void
    ) throws -> (report: ScenarioReport, plots: [String: String]) {
        var isStretched = false
        var lived = try ScenarioReport.lived(scenario, time: "real", policies: policies) { policy in
            isStarting(policy)
            let board = try LiveBoard(scenario, models, processor: processor, others: others)
            isStretched = isStretched || board.stretches
            return board
        }
        if isStretched { lived.report.throttling = Self.stretching }
        return lived
    }

    static let stretching =
        "without real-time priority (root or CAP_SYS_NICE) no thread can throttle the processor; runs were stretched "
        + "by computing on until a slower processor would have ended them"
}

/// A processor of this machine. Belongs to the thread that runs on it.
final class LiveBoard: ScenarioBoard {
    private static let loadStepNanoseconds: UInt64 = 20_000_000

    private let scenario: Scenario
    private let models: [LiveModel]
    private let start: UInt64
    private let loads: LoadSchedule
    /// Whether runs are made as long as a throttled processor would make them.
    let stretches: Bool

    init(
        _ scenario: Scenario, _ models: [LiveModel], processor: Int, others: ProcessorAffinity
    ) throws(LiveScenarioFailure) {
        (self.scenario, self.models) = (scenario, models)
        loads = try LoadSchedule(scenario, processor: processor)
        stretches = loads.lacksPriority
        start = MonotonicClock.now()
        loads.begin(at: start, step: Self.loadStepNanoseconds, on: others)
    }

    deinit { loads.end() }

    var milliseconds: Double { Double(MonotonicClock.now() - start) / 1e6 }
    var stamp: UInt64 { MonotonicClock.now() }

    func wait(untilMilliseconds time: Double) { MonotonicClock.sleep(until: start + UInt64(max(0, time) * 1e6)) }

    func run(model: Int, point: Int) -> Double {
        let began = MonotonicClock.now()
        models[model].run(point: point)
        if stretches {
            let slowdown = max(1, scenario.slowdown(by: .throttling, atSeconds: Double(began - start) / 1e9))
            let end = began + UInt64(Double(MonotonicClock.now() - began) * slowdown)
            while MonotonicClock.now() < end {}
        }
        return Double(MonotonicClock.now() - began) / 1e6
    }
}

/// Sets the competing work in the course of a scenario, from another processor where there is one.
private final class LoadSchedule: Sendable {
    private let scenario: Scenario
    private let highest: Double
    private let load: CompetingLoad
    private let isStopping = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(true)

    /// The competition's largest slowdown.
    static func highest(of scenario: Scenario) -> Double {
        stride(from: 0, to: scenario.seconds, by: 0.02).reduce(1) {
            max($0, scenario.slowdown(by: .competition, atSeconds: $1))
        }
    }

    init(_ scenario: Scenario, processor: Int) throws(LiveScenarioFailure) {
        self.scenario = scenario
        highest = Self.highest(of: scenario)
        load = try CompetingLoad(
            processor: processor, highest: highest, throttles: scenario.loads.contains { $0.kind == .throttling })
    }

    /// Whether the scenario throttles and nothing here can.
    var lacksPriority: Bool { scenario.loads.contains { $0.kind == .throttling } && !load.throttles }

    func begin(at start: UInt64, step: UInt64, on processors: ProcessorAffinity) {
        guard !scenario.loads.isEmpty else { return }
        hasEnded.store(false, ordering: .relaxed)
        let thread = Thread { [self] in
            processors.takeOn()
            var next = start
            while !isStopping.load(ordering: .relaxed) {
                let seconds = Double(next - start) / 1e9
                load.set(
                    competition: scenario.slowdown(by: .competition, atSeconds: seconds),
                    throttling: scenario.slowdown(by: .throttling, atSeconds: seconds), highest: highest)
                next += step
                MonotonicClock.sleep(until: next)
            }
            hasEnded.store(true, ordering: .releasing)
        }
        thread.name = "loads"
        thread.start()
    }

    func end() {
        isStopping.store(true, ordering: .relaxed)
        while !hasEnded.load(ordering: .acquiring) { usleep(1_000) }
        load.stop()
    }
}
