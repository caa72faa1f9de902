public import FleetModel

/// What one gate is worth on samples that a board held back; see `GateValidation` of the hooks.
public struct GateScore: Equatable, Codable, Sendable {
    public var samples: UInt64
    public var loss: Double
    public var constantLoss: Double
    public var acceptedDamage: Double
    public var acceptedPrediction: Double

    public init(
        samples: UInt64, loss: Double, constantLoss: Double, acceptedDamage: Double, acceptedPrediction: Double
    ) {
        (self.samples, self.loss, self.constantLoss) = (samples, loss, constantLoss)
        (self.acceptedDamage, self.acceptedPrediction) = (acceptedDamage, acceptedPrediction)
    }

    public var isPossible: Bool {
        (0...SharingLimits.loss).contains(loss) && (0...SharingLimits.loss).contains(constantLoss)
            && (0...1).contains(acceptedDamage) && (0...1).contains(acceptedPrediction)
    }
}

/// What one board says of a merge before it becomes a version.
public struct CandidateScore: Equatable, Sendable {
    public var board: BoardID
    /// Held back, of all gates.
    public var samples: UInt64
    /// Mean loss over them, of the candidate and of the version before it.
    public var loss: Double
    public var lossBefore: Double
    /// By gate.
    public var gates: [GateScore]

    public init(board: BoardID, samples: UInt64, loss: Double, lossBefore: Double, gates: [GateScore]) {
        (self.board, self.samples, self.loss, self.lossBefore) = (board, samples, loss, lossBefore)
        self.gates = gates
    }
}

/// Decides whether a merge becomes a version: where more than half of the boards whose scores count find it no worse
/// than the version before. Fewer than half of them can neither force one through nor keep one away.
///
/// A merge of boards that disagree is doubtful: half of them may be bad without any of them standing out. It takes more
/// than half of those that are left when half of the boards asked lie, silence counting as no: `2 yes > asked + asked /
/// 2`, about three quarters. So half of the boards can keep a doubtful merge away, and cannot force one through that
/// most of the others find worse. What is lost when it is turned down is little: around an optimum boards disagree too,
/// and there is nothing left to gain. For that reason no hair is put up with there: merges that are each a little worse
/// than the one before wander off, one after the other.
public struct CandidateVerdict: Equatable, Codable, Sendable {
    /// Scores below this many samples do not count.
    public var fewestSamples: UInt64 = 16
    /// How much worse than before the candidate may be, as a share of the loss before.
    public var tolerance = 0.01
    /// The same of a doubtful merge.
    public var doubtfulTolerance = 0.0

    public init() {}

    public struct Judgement: Equatable, Sendable {
        public var isAccepted: Bool
        /// Boards whose scores counted.
        public var boards: [BoardID]
        /// Of the middle board: by how much of the loss before the candidate is worse; below 0 it is better.
        public var change: Double
        /// By gate, over the boards; their own numbers trimmed as updates are.
        public var gates: [GateScore]
    }

    /// - Parameter asked: boards that were asked, of a doubtful merge; `nil` of one that boards agreed on.
    /// - Returns: `nil` where no score counts.
    public func judge(_ scores: [CandidateScore], doubtfulOf asked: Int? = nil) -> Judgement? {
        let counted = scores.filter {
            $0.samples >= fewestSamples && $0.loss.isFinite && $0.lossBefore.isFinite && $0.lossBefore >= 0
                && $0.gates.allSatisfy(\.isPossible)
        }.sorted { $0.board < $1.board }
        guard let gateCount = counted.map(\.gates.count).max() else { return nil }
        var changes = counted.map { score in
            (value: (score.loss - score.lossBefore) / max(score.lossBefore, 1e-9), weight: 1.0)
        }
        let change = MergeRule.median.merge(&changes)
        let tolerance = asked == nil ? tolerance : doubtfulTolerance
        let content = changes.count { $0.value <= tolerance }
        let isAccepted = asked.map { 2 * content > $0 + $0 / 2 } ?? (2 * content > counted.count)
        let gates = (0..<gateCount).map { gate in
            Self.merged(counted.compactMap { $0.gates.count == gateCount ? $0.gates[gate] : nil })
        }
        return Judgement(isAccepted: isAccepted, boards: counted.map(\.board), change: change, gates: gates)
    }

    private static func merged(_ scores: [GateScore]) -> GateScore {
        let told = scores.filter { $0.samples > 0 }
        let most = 4 * Double(told.map(\.samples).sorted().dropFirst(told.count / 2).first ?? 0)
        func merge(_ path: KeyPath<GateScore, Double>) -> Double {
            guard !told.isEmpty else { return 0 }
            var values = told.map { (value: $0[keyPath: path], weight: min(Double($0.samples), most)) }
            return MergeRule.trimmedMean(share: 0.25).merge(&values)
        }
        return GateScore(
            samples: told.reduce(0) { $0.addingReportingOverflow($1.samples).partialValue }, loss: merge(\.loss),
            constantLoss: merge(\.constantLoss), acceptedDamage: merge(\.acceptedDamage),
            acceptedPrediction: merge(\.acceptedPrediction))
    }
}
