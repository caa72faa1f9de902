import FleetModel
import Foundation
import GateSharing
import HookNetworks
import HookSharing
import SearchSpace

/// What a bad board sends in place of what it learned.
enum Attack: String, CaseIterable {
    case none
    /// What it learned, turned around.
    case flip
    /// The same, ten times as long.
    case bigFlip
    /// Noise as long as the median update.
    case noise
    /// Noise a hundred times as long.
    case bigNoise
    /// All bad boards the same: the mean of what the honest ones learned, turned around, as long as the median update.
    case collude

    /// - Parameters:
    ///   - length: of the median update.
    ///   - honest: the mean of what honest boards learned.
    func applied(
        to delta: [Float], length: Double, honest: [Double], using generator: inout SeededGenerator
    ) -> [Float] {
        switch self {
        case .collude:
            let size = honest.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return honest.map { Float(-$0 * length / max(size, .leastNormalMagnitude)) }
        case .none: return delta
        case .flip: return delta.map { -$0 }
        case .bigFlip: return delta.map { -10 * $0 }
        case .noise, .bigNoise:
            let size = length * (self == .noise ? 1 : 100) / Double(delta.count).squareRoot()
            return delta.map { _ in Float(size * Split.normal(&generator)) }
        }
    }
}

/// Of which merges more than half of the boards' consent is asked.
enum Caution: String {
    case never, disagreement, always
}

/// Boards that learn from what they have seen and share it, round by round, by the product's own rules.
struct Federation {
    struct Board {
        let id: BoardID
        var samples: [GateSamples]
        var isBad = false
    }

    struct Round {
        /// Left out of the merge, with the reason.
        var named: [BoardID: String] = [:]
        /// Named, and distrusted from then on.
        var distrusted: Set<BoardID> = []
        var isAccepted = false
        var isDoubtful = false
        var isSplit = false
        var change = 0.0
        var cosines: [Double] = []
    }

    let layout: GateLayout
    let merge: GateMerge
    let refiner: GateRefiner
    let attack: Attack
    let validates: Bool
    let caution: Caution
    var verdict = CandidateVerdict()
    var boards: [Board]
    private(set) var version: [Float]
    private var marks: [BoardID: GateMerge.Mark] = [:]
    private(set) var latest: UInt64 = 1
    private(set) var validations: [GateValidation?]
    private var generator: SeededGenerator
    private let seed: UInt64

    init(
        start: [Gate?], boards: [Board], merge: GateMerge, refiner: GateRefiner, attack: Attack = .none,
        validates: Bool = true, caution: Caution = .disagreement, seed: UInt64
    ) throws {
        layout = try GateLayout(start)
        version = layout.vector(of: start)
        validations = start.map { $0?.validation }
        (self.boards, self.merge, self.refiner, self.attack) = (boards, merge, refiner, attack)
        (self.validates, self.caution) = (validates, caution)
        generator = SeededGenerator(seed: seed &+ 77)
        self.seed = seed
    }

    var gates: [Gate?] { layout.gates(version, validations) }

    mutating func round() -> Round {
        let gates = gates
        var updates: [GateUpdate] = []
        for (index, board) in boards.enumerated() {
            var samples = 0
            var (loss, held) = (0.0, 0)
            let learned = gates.enumerated().map { hook, gate in
                gate.flatMap { gate -> Gate? in
                    let refined = refiner.refine(
                        gate, board.samples[hook], seed: seed &+ latest << 20 &+ UInt64(index) << 10 &+ UInt64(hook))
                    guard let refined else { return nil }
                    samples += refined.samples
                    loss += refined.after.loss * Double(refined.after.samples)
                    held += refined.after.samples
                    return refined.gate
                }
            }
            guard samples > 0 else { continue }
            let delta = zip(layout.vector(of: learned, missing: version), version).map { $0 - $1 }
            updates.append(
                GateUpdate(
                    board: board.id, number: latest, baseVersion: latest, delta: delta, samples: UInt64(samples),
                    loss: loss / Double(max(1, held)), arrivedAtMilliseconds: 0))
        }
        let lengths = updates.map { $0.delta.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }.sorted()
        let bad = Set(boards.filter(\.isBad).map(\.id))
        let mean = Self.mean(updates.filter { !bad.contains($0.board) }.map(\.delta), layout.parameterCount)
        for index in updates.indices where bad.contains(updates[index].board) {
            updates[index].delta = attack.applied(
                to: updates[index].delta, length: lengths[lengths.count / 2], honest: mean, using: &generator)
        }
        var round = Round()
        updates = updates.filter { update in
            do {
                try update.check(parameters: layout.parameterCount, latest: latest)
                return true
            } catch {
                round.named[update.board] = "\(error)"
                return false
            }
        }
        let result = merge.merge(updates, latest: latest, marks: marks, nowMilliseconds: 0)
        marks = result.marks
        for share in result.excluded {
            round.named[share.board] = share.exclusion
        }
        round.distrusted = Set(marks.keys)
        round.cosines = result.shares.map(\.cosine)
        round.isSplit = result.accord == .split
        guard let delta = result.delta else { return round }
        let candidate = zip(version, delta).map { $0 + $1 }
        let asked = boards.filter { marks[$0.id] == nil }
        let isDoubtful = caution == .always || caution == .disagreement && result.accord != .agreed
        let judgement = verdict.judge(
            asked.compactMap { score(candidate, $0) }, doubtfulOf: isDoubtful ? asked.count : nil)
        round.isDoubtful = isDoubtful
        round.change = judgement?.change ?? 0
        round.isAccepted = !validates || judgement?.isAccepted == true
        guard round.isAccepted else { return round }
        version = candidate
        latest += 1
        validations = judgement.map { $0.gates.map { GateValidation($0) } } ?? validations
        return round
    }

    private static func mean(_ deltas: [[Float]], _ count: Int) -> [Double] {
        var mean = [Double](repeating: 0, count: count)
        for delta in deltas { for index in mean.indices { mean[index] += Double(delta[index]) / Double(deltas.count) } }
        return mean
    }

    /// A bad board says the opposite of what it finds.
    private func score(_ candidate: [Float], _ board: Board) -> CandidateScore? {
        let (old, new) = (gates, layout.gates(candidate, validations))
        var (score, held) = (CandidateScore(board: board.id, samples: 0, loss: 0, lossBefore: 0, gates: []), 0.0)
        for hook in new.indices {
            guard let after = new[hook], let before = old[hook] else {
                score.gates.append(GateScore(GateValidation.unknown))
                continue
            }
            let (new, old) = (
                GateRefiner.validation(of: after, on: board.samples[hook]),
                GateRefiner.validation(of: before, on: board.samples[hook])
            )
            score.gates.append(GateScore(new))
            score.loss += new.loss * Double(new.samples)
            score.lossBefore += old.loss * Double(old.samples)
            held += Double(new.samples)
        }
        guard held > 0 else { return nil }
        score.samples = UInt64(held)
        (score.loss, score.lossBefore) = (score.loss / held, score.lossBefore / held)
        if board.isBad, attack != .none { (score.loss, score.lossBefore) = (score.lossBefore, score.loss) }
        return score
    }
}
