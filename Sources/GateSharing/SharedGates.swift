import Engine
import Foundation
public import HookNetworks
public import HookSharing
import MapPruning
import Synchronization

/// Gates of one network that this board learns together with others: stands between the thread that learns and the
/// actor that speaks with the coordinator. Both only exchange values under a lock that is held for moments.
///
/// The board's own gates go on from the latest version by its own samples, and are used where they are no worse on
/// what was held back here; they never leave it but as an update. A version that does not fit is not taken over, and
/// the last good one stays, over restarts too.
public final class SharedGates: GateCollaborator {
    /// What this board learned since the version that it began with.
    public struct Learned: Equatable, Sendable {
        public var baseVersion: UInt64
        public var delta: [Float]
        public var samples: UInt64
        public var loss: Double
    }

    /// What a candidate is worth here.
    public struct Scored: Equatable, Sendable {
        public var version: UInt64
        public var samples: UInt64
        public var loss: Double
        public var lossBefore: Double
        public var gates: [GateScore]
    }

    /// A version as it was announced; its values are changes since the start.
    public struct Version: Equatable, Codable, Sendable {
        public var number: UInt64
        public var values: [Float]
        public var gates: [GateScore]

        public init(number: UInt64, values: [Float], gates: [GateScore]) {
            (self.number, self.values, self.gates) = (number, values, gates)
        }
    }

    private struct State {
        var version: Version
        var isNew: Bool
        /// The version that the learner's gates come from, and the one whose gates decide.
        var learning: UInt64
        var used: UInt64
        var candidate: Version?
        var learned: Learned?
        var scored: Scored?
        var failure: String?
    }

    public let layout: GateLayout
    public let modelSHA256: String
    public let hookSHA256: String
    private let start: [Gate?]
    private let origin: [Float]
    private let refiner: GateRefiner
    private let path: String
    private let state: Mutex<State>

    /// - Parameters:
    ///   - start: the hooks that all boards of the group begin with.
    ///   - path: where the last good version is kept.
    public init(start: HookState, path: String, refiner: GateRefiner = GateRefiner()) throws(HookRefusal) {
        self.start = start.hooks.map(\.usableGate)
        layout = try GateLayout(self.start)
        origin = layout.vector(of: self.start)
        (modelSHA256, hookSHA256) = (start.weightsSHA256, layout.sum(of: start, origin))
        (self.path, self.refiner) = (path, refiner)
        let none = Version(number: 0, values: [Float](repeating: 0, count: layout.parameterCount), gates: [])
        let kept = Self.kept(at: path, hookSHA256, layout)
        let version = kept ?? none
        state = Mutex(State(version: version, isNew: kept != nil, learning: version.number, used: version.number))
    }

    public var parameterCount: Int { layout.parameterCount }
    /// Taken over last.
    public var version: UInt64 { state.withLock { $0.version.number } }
    /// Whose gates decide: it lies behind `version` until the thread that learns has handed that over.
    public var used: UInt64 { state.withLock { $0.used } }
    /// Why the last version could not be kept, where it could not; it is used all the same.
    public var failure: String? { state.withLock { $0.failure } }

    // MARK: The actor

    public func takeLearned() -> Learned? { state.withLock { $0.learned.take() } }
    public func takeScored() -> Scored? { state.withLock { $0.scored.take() } }

    /// - Returns: whether it fits; nothing changes where it does not.
    public func adopt(_ version: Version) -> Bool {
        guard fits(version) else { return false }
        var failure: String?
        do { try keep(version) } catch { failure = "\(error)" }
        state.withLock {
            ($0.version, $0.isNew, $0.failure) = (version, true, failure)
            // What was learned from another version is another change.
            $0.learned = nil
        }
        return true
    }

    public func ask(about candidate: Version) -> Bool {
        guard fits(candidate) else { return false }
        state.withLock { $0.candidate = candidate }
        return true
    }

    private func fits(_ version: Version) -> Bool {
        version.values.count == layout.parameterCount && version.values.allSatisfy(\.isFinite)
            && (version.gates.isEmpty || version.gates.count == layout.gateCount)
    }

    // MARK: The thread that learns

    public func attend(_ samples: [GateSamples]) -> [Gate?]? {
        let (candidate, newer) = state.withLock { state in
            defer { state.isNew = false }
            if state.isNew { state.learning = state.version.number }
            return (state.candidate.take(), state.isNew ? state.version : nil)
        }
        if let candidate {
            let scored = score(candidate, samples)
            state.withLock { $0.scored = scored }
        }
        return newer.map(gates)
    }

    public func published() { state.withLock { $0.used = $0.learning } }

    public func train(_ samples: [GateSamples], seed: UInt64, mayGoOn: () -> Bool) -> [Gate?]? {
        let version = state.withLock { $0.version }
        let base = gates(version)
        var (refined, own) = ([Gate?](), [Gate?]())
        var (count, loss, held) = (0, 0.0, 0)
        for (index, gate) in base.enumerated() {
            guard let gate else {
                (refined, own) = (refined + [nil], own + [nil])
                continue
            }
            guard mayGoOn() else { return nil }
            let result = refiner.refine(gate, samples[index], seed: seed &+ UInt64(index), mayGoOn: mayGoOn)
            guard mayGoOn() else { return nil }
            refined.append(result?.gate)
            own.append(result.map { Self.own($0, gate) } ?? gate)
            count += result?.samples ?? 0
            loss += (result?.after.loss ?? 0) * Double(result?.after.samples ?? 0)
            held += result?.after.samples ?? 0
        }
        state.withLock { $0.learning = version.number }
        guard count > 0 else { return own }
        let reached = zip(origin, version.values).map { $0 + $1 }
        let learned = Learned(
            baseVersion: version.number,
            delta: zip(layout.vector(of: refined, missing: reached), reached).map { $0 - $1 },
            samples: UInt64(count), loss: min(loss / Double(max(1, held)), SharingLimits.loss))
        state.withLock { if $0.version.number == learned.baseVersion { $0.learned = learned } }
        return own
    }

    /// The board's own gate where it is no worse here. Where too little was held back to judge it by, the version, with
    /// what other boards found it to be worth.
    private static func own(_ refined: GateRefiner.Refined, _ version: Gate) -> Gate {
        guard refined.after.samples >= GateValidation.fewestSamples else { return version }
        if refined.after.loss <= refined.before.loss { return refined.gate }
        var version = version
        version.validation = refined.before
        return version
    }

    /// Of a version without scores, the start, the validation is that of the start.
    private func gates(_ version: Version) -> [Gate?] {
        layout.gates(
            zip(origin, version.values).map { $0 + $1 },
            start.indices.map { index in
                version.gates.isEmpty ? start[index]?.validation : GateValidation(version.gates[index])
            })
    }

    private func score(_ candidate: Version, _ samples: [GateSamples]) -> Scored {
        let (new, old) = (gates(candidate), gates(state.withLock { $0.version }))
        var scored = Scored(version: candidate.number, samples: 0, loss: 0, lossBefore: 0, gates: [])
        var held = 0.0
        for index in new.indices {
            guard let newer = new[index], let older = old[index] else {
                scored.gates.append(GateScore(.unknown))
                continue
            }
            let (after, before) = (
                GateRefiner.validation(of: newer, on: samples[index]),
                GateRefiner.validation(of: older, on: samples[index])
            )
            scored.gates.append(GateScore(after))
            scored.loss += after.loss * Double(after.samples)
            scored.lossBefore += before.loss * Double(before.samples)
            held += Double(after.samples)
        }
        scored.samples = UInt64(held)
        (scored.loss, scored.lossBefore) = (scored.loss / max(1, held), scored.lossBefore / max(1, held))
        return scored
    }

    // MARK: The last good version

    private struct Kept: Codable {
        var hookSHA256: String
        var valuesSHA256: String
        var version: Version
    }

    private func keep(_ version: Version) throws {
        let kept = Kept(
            hookSHA256: hookSHA256, valuesSHA256: ParameterSum.sha256(version.values), version: version)
        try JSONEncoder().encode(kept).write(to: URL(filePath: path), options: .atomic)
    }

    /// `nil` where there is none, or it is damaged or of other hooks: then the coordinator announces it again.
    private static func kept(at path: String, _ hookSHA256: String, _ layout: GateLayout) -> Version? {
        guard let data = FileManager.default.contents(atPath: path),
            let kept = try? JSONDecoder().decode(Kept.self, from: data), kept.hookSHA256 == hookSHA256,
            kept.version.values.count == layout.parameterCount, kept.version.values.allSatisfy(\.isFinite),
            kept.version.gates.isEmpty || kept.version.gates.count == layout.gateCount,
            kept.valuesSHA256 == ParameterSum.sha256(kept.version.values)
        else { return nil }
        return kept.version
    }
}

extension GateScore {
    public init(_ validation: GateValidation) {
        self.init(
            samples: UInt64(max(0, validation.samples)), loss: Self.possible(validation.loss, SharingLimits.loss),
            constantLoss: Self.possible(validation.constantLoss, SharingLimits.loss),
            acceptedDamage: Self.possible(validation.acceptedDamage, 1),
            acceptedPrediction: Self.possible(validation.acceptedPrediction, 1))
    }

    private static func possible(_ value: Double, _ most: Double) -> Double {
        value.isFinite ? min(max(value, 0), most) : most
    }
}

extension GateValidation {
    public init(_ score: GateScore) {
        self.init(
            samples: Int(clamping: score.samples), loss: score.loss, constantLoss: score.constantLoss,
            acceptedDamage: score.acceptedDamage, acceptedPrediction: score.acceptedPrediction)
    }
}

extension GateLayout {
    /// Of everything that boards must have in common: places, fitted parts, standardisation and weights.
    func sum(of state: HookState, _ origin: [Float]) -> String {
        var numbers: [Float] = [Float(state.hooks.count), Float(state.inputs.count), Float(parameterCount)]
        for hook in state.hooks {
            let kind = GateKind.allCases.firstIndex(of: hook.point.kind) ?? 0
            let parts = hook.point.parts
            numbers += [Float(kind), Float(parts.lowerBound), Float(parts.upperBound), hook.isFixed ? 1 : 0]
            for filter in [hook.substitute, hook.head] {
                numbers.append(Float(filter?.weights.count ?? -1))
                numbers += (filter?.weights ?? []) + (filter?.bias ?? [])
            }
            numbers += (hook.gate?.mean ?? []).map { Float($0) } + (hook.gate?.deviation ?? []).map { Float($0) }
        }
        return ParameterSum.sha256(numbers + origin)
    }
}
