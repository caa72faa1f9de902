import FleetModel
import Foundation
import GateSharing
import HookNetworks
import HookSharing
import SearchSpace

/// The rounds, the attacks, and what is printed of them.
struct Study {
    static let budgets = [0.05, 0.1, 0.2, 0.3, 0.35, 0.4]
    static let ratios = [0.40, 0.42, 0.44, 0.48, 0.52, 0.58, 0.65]

    let options: Options
    let boards: Int
    let rounds: Int
    let bad: Int
    let isVerbose: Bool

    init(_ options: Options) {
        self.options = options
        (boards, rounds) = (Int(options.number("boards")), Int(options.number("rounds")))
        (bad, isVerbose) = (Int(options.number("bad")), options.isSet("verbose"))
    }

    var seeds: [UInt64] { options.list("seeds").compactMap { UInt64($0) } }
    var attacks: [Attack] { options.list("attacks").compactMap { Attack(rawValue: $0) } }

    var merge: GateMerge {
        var outliers = OutlierTest()
        (outliers.mostAway, outliers.agreement) = (options.number("away"), options.number("agreement"))
        var merge = GateMerge(rule: rule("rule"), outliers: options.isSet("outliers") ? outliers : nil)
        merge.doubtfulRule = rule("doubtful")
        return merge
    }

    private func rule(_ name: String) -> MergeRule {
        switch options.text(name) {
        case "mean": .mean
        case "median": .median
        default: .trimmedMean(share: 0.25)
        }
    }

    var refiner: GateRefiner {
        var settings = GateRefiner.Settings()
        (settings.epochs, settings.learningRate) = (Int(options.number("epochs")), options.number("rate"))
        (settings.pull, settings.weightDecay) = (options.number("pull"), options.number("decay"))
        return GateRefiner(settings)
    }

    func names() -> [BoardID] { (1...boards).compactMap { BoardID("board-\($0)") } }

    /// Image positions to frames: an image and its mirror image follow each other.
    static func frames(_ images: [Int]) -> [Int] { images.flatMap { [2 * $0, 2 * $0 + 1] } }

    static func text(_ value: Double, _ digits: Int = 2) -> String { String(format: "%+.\(digits)f", value) }
}

// MARK: Between networks

extension Study {
    func runModelLevel(_ level: ModelLevel, labels: [Int], modelBytes: Int) throws {
        print(
            "plain top-1 \(level.plainTop1), \(level.learning.count) frames to learn from, \(level.judged.count) to judge"
        )
        for seed in seeds { try runModelLevel(level, labels, modelBytes, seed: seed) }
    }

    private func show(_ name: String, _ gate: Gate, _ level: ModelLevel, than other: Gate? = nil) -> Double {
        let own = Self.ratios.map { level.at(flops: $0, gate).points }
        let text = own.map { Self.text($0) }.joined(separator: " ")
        var gap = ""
        var worst = 0.0
        if let other {
            let gaps = zip(own, Self.ratios).map { $0 - level.at(flops: $1, other).points }
            worst = gaps.min() ?? 0
            gap = "  worst gap \(Self.text(worst)), mean \(Self.text(gaps.reduce(0, +) / Double(gaps.count)))"
        }
        let atBudgets = Self.budgets.map {
            let point = level.at(budget: $0, gate)
            return "\($0): \(String(format: "%.3f", point.flops)) \(Self.text(point.points))"
        }.joined(separator: ", ")
        print("  \(name.padding(toLength: 26, withPad: " ", startingAt: 0)) \(text)\(gap)")
        if isVerbose { print("      by budget \(atBudgets)") }
        return worst
    }

    private func runModelLevel(_ level: ModelLevel, _ labels: [Int], _ modelBytes: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let split = Split.dirichlet(
            labels, boards: boards, concentration: options.number("concentration"), using: &generator)
        print("seed \(seed): frames by board \(split.map { 2 * $0.count })")
        print("  points against the plain network at FLOPs of \(Self.ratios)")
        let everything = level.learning.picked(Self.frames(split.flatMap { $0 }))
        guard let together = GateTrainer().train(everything, seed: seed),
            let biggest = split.max(by: { $0.count < $1.count }),
            let start = GateTrainer().train(
                level.learning.picked(Array(Self.frames(biggest).prefix(Int(options.number("start"))))), seed: seed)
        else { throw Failure("too few samples for gates") }
        _ = show("all data together", together, level)
        _ = show("start", start, level, than: together)
        let members = zip(names(), split).map {
            Federation.Board(id: $0, samples: [level.learning.picked(Self.frames($1))])
        }
        // What a board would have by itself.
        for (index, one) in members.enumerated() where one.samples[0].count >= GateTrainer.fewestSamples {
            if let own = GateTrainer().train(one.samples[0], seed: seed) {
                _ = show("alone: board-\(index + 1)", own, level, than: together)
            }
        }
        let clean = try run(level, members, start, .none, seed, together)
        // A new board that trained on frames of its own, which no other saw, beside one that got the merged gates.
        let frames = Self.frames(Array(labels.count..<level.learning.count / 2))
        if !frames.isEmpty, let own = GateTrainer().train(level.learning.picked(frames), seed: seed) {
            _ = show("new board, \(frames.count) own frames", own, level, than: together)
            _ = show("merged against the new one", clean, level, than: own)
        }
        // The bad boards: as many as asked for, from the one with the most frames down, where they do most harm.
        let order = members.indices.sorted { members[$0].samples[0].count > members[$1].samples[0].count }
        for attack in attacks {
            var attacked = members
            for index in order.prefix(bad) { attacked[index].isBad = true }
            let gate = try run(level, attacked, start, attack, seed, together)
            _ = show("  \(attack) against clean", gate, level, than: clean)
            var fewer = members
            for index in order.prefix(bad).sorted(by: >) { fewer.remove(at: index) }
            if attack == attacks.first {
                let without = try run(level, fewer, start, .none, seed, together)
                _ = show("  without these boards", without, level, than: clean)
            }
        }
        let bytes = try GateLayout([start]).parameterCount * 4
        print(
            "  update: \(bytes) bytes, \(String(format: "%.3f", 100 * Double(bytes) / Double(modelBytes))) % of the network"
        )
        let check = level.measured(budget: 0.2, clean, count: 500)
        print("  by the cascade itself, 500 images at 0.2: \(check.early) early, \(check.differing) other answers")
    }

    private func run(
        _ level: ModelLevel, _ members: [Federation.Board], _ start: Gate, _ attack: Attack, _ seed: UInt64,
        _ together: Gate
    ) throws -> Gate {
        var federation = try Federation(
            start: [start], boards: members, merge: merge, refiner: refiner, attack: attack,
            validates: options.isSet("validates"),
            caution: Caution(rawValue: options.text("caution")) ?? .disagreement, seed: seed)
        federation.verdict.tolerance = options.number("tolerance")
        federation.verdict.doubtfulTolerance = options.number("doubtfulTolerance")
        let named = run(&federation)
        guard let gate = federation.gates[0] else { throw Failure("no gate") }
        _ = show("merged, \(attack), v\(federation.latest)", gate, level, than: together)
        print("      \(named)")
        return gate
    }

    /// - Returns: who was left out and distrusted how often.
    func run(_ federation: inout Federation, before: (inout Federation) -> Void = { _ in }) -> String {
        var (left, named) = ([BoardID: Int](), [BoardID: Int]())
        var accepted = 0
        for number in 1...rounds {
            before(&federation)
            let round = federation.round()
            for board in round.named.keys { left[board, default: 0] += 1 }
            for board in round.distrusted { named[board, default: 0] += 1 }
            if round.isAccepted { accepted += 1 }
            if isVerbose {
                let cosines = round.cosines.map { String(format: "%.2f", $0) }.joined(separator: " ")
                let accord = round.isSplit ? " split," : round.isDoubtful ? " doubtful," : ""
                print(
                    "      round \(number): change \(Self.text(100 * round.change)) %,\(accord)"
                        + "\(round.isAccepted ? "" : " turned down,") cosines \(cosines)", round.named)
            }
        }
        let bad = Set(federation.boards.filter(\.isBad).map(\.id))
        let list = left.keys.sorted().map {
            "\($0)\(bad.contains($0) ? " (bad)" : "") \(left[$0] ?? 0)x, distrusted \(named[$0] ?? 0)x"
        }
        let honest = named.keys.count { !bad.contains($0) }
        return
            "\(accepted) of \(rounds) merges became versions; honest boards named: \(honest); left out: "
            + (list.isEmpty ? "nobody" : list.joined(separator: "; "))
    }
}
