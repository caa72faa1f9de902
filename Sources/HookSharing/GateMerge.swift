public import FleetModel

/// Makes one change of all gates out of the updates that have arrived.
///
/// Weights. An update counts by its samples, at the most `heaviest` times as many as the median board claims, and less
/// the older its base is: a board that was away does not pull the others back to where it left them (FedAsync, Xie et
/// al. 2019; FedBuff, Nguyen et al. 2022, whose buffer this is: no barrier, merging when there is enough).
/// Updates that are unlike the others are left out and named before the rule is applied (`OutlierTest`). A board that
/// was named stays left out until it points where the others point, or `distrust` versions have passed: near an optimum
/// directions say nothing, and what it sends then would pass for honest.
public struct GateMerge: Equatable, Codable, Sendable {
    public var rule: MergeRule
    /// Where boards disagree, so that nobody is named for direction: what a board claims of its samples counts nothing.
    public var doubtfulRule = MergeRule.median
    public var outliers: OutlierTest?
    /// Bases older by more versions than this are left out.
    public var oldestBase: UInt64 = 8
    /// Samples that count, as a multiple of the median board's.
    public var heaviest = 4.0
    /// An update that has waited for so many milliseconds counts half, for three times as many a quarter.
    public var halfLifeMilliseconds = 86_400_000.0

    /// Versions for which a board that was named is left out.
    public var distrust: UInt64 = 16

    /// Of the others' median cosine, what a board that was named must reach to be trusted again.
    private static let cleared = 0.5

    /// By default a quarter is trimmed at both ends, after outliers were left out.
    public init(rule: MergeRule = .trimmedMean(share: 0.25), outliers: OutlierTest? = OutlierTest()) {
        (self.rule, self.outliers) = (rule, outliers)
    }

    /// One board's part in a merge.
    public struct Share: Equatable, Codable, Sendable {
        public var board: BoardID
        public var samples: UInt64
        public var baseVersion: UInt64
        /// Of all that were merged, 0...1; 0 where it was left out.
        public var weight: Double
        public var length: Double
        public var cosine: Double
        /// Why it was left out.
        public var exclusion: String?

        public init(
            board: BoardID, samples: UInt64, baseVersion: UInt64, weight: Double, length: Double, cosine: Double,
            exclusion: String?
        ) {
            (self.board, self.samples, self.baseVersion) = (board, samples, baseVersion)
            (self.weight, self.length, self.cosine, self.exclusion) = (weight, length, cosine, exclusion)
        }
    }

    /// When a board was named last, and why.
    public struct Mark: Equatable, Codable, Sendable {
        public var version: UInt64
        public var reason: String

        public init(version: UInt64, reason: String) { (self.version, self.reason) = (version, reason) }
    }

    public struct Result: Equatable, Sendable {
        /// To be added to the latest version; `nil` where every update was left out, or boards are split.
        public var delta: [Float]?
        /// By board.
        public var shares: [Share]
        /// Boards that are distrusted from now on.
        public var marks: [BoardID: Mark]
        /// How the boards' directions stand to each other. Where they disagree, half of the boards may be bad and none
        /// of them stands out; where they are split, nothing is merged.
        public var accord: OutlierTest.Accord

        public var excluded: [Share] { shares.filter { $0.exclusion != nil } }
    }

    /// - Parameters:
    ///   - updates: one a board, each of which has passed `GateUpdate.check`.
    ///   - latest: the version that the result will be added to.
    ///   - marks: boards that were named before.
    public func merge(
        _ updates: [GateUpdate], latest: UInt64, marks: [BoardID: Mark] = [:], nowMilliseconds now: UInt64
    ) -> Result {
        let sorted = updates.sorted { $0.board < $1.board }
        var marks = marks.filter { latest < $0.value.version + distrust }
        let distrusted = Set(sorted.indices.filter { marks[sorted[$0].board] != nil })
        let test = outliers?.measure(sorted.map(\.delta), distrusted: distrusted)
        let accord = test?.accord ?? .agreed
        var shares = screened(sorted, latest, test, &marks)
        let kept = shares.indices.filter { shares[$0].exclusion == nil }
        guard !kept.isEmpty, accord != .split else {
            return Result(delta: nil, shares: shares, marks: marks, accord: accord)
        }
        let rule = accord == .agreed ? self.rule : doubtfulRule
        let weights = weights(kept.map { sorted[$0] }, latest, now)
        let total = weights.reduce(0, +)
        for (position, index) in kept.enumerated() { shares[index].weight = weights[position] / total }
        var column = [(value: Double, weight: Double)]()
        let delta = sorted[kept[0]].delta.indices.map { parameter in
            column.removeAll(keepingCapacity: true)
            for (position, index) in kept.enumerated() {
                column.append((Double(sorted[index].delta[parameter]), weights[position]))
            }
            return Float(rule.merge(&column))
        }
        return Result(delta: delta, shares: shares, marks: marks, accord: accord)
    }

    /// Names those that are left out, and keeps in mind who was named.
    private func screened(
        _ updates: [GateUpdate], _ latest: UInt64, _ test: OutlierTest.Result?, _ marks: inout [BoardID: Mark]
    ) -> [Share] {
        updates.enumerated().map { index, update in
            let measure = test?.measures[index]
            let age = latest - min(latest, update.baseVersion)
            var share = Share(
                board: update.board, samples: update.samples, baseVersion: update.baseVersion, weight: 0,
                length: measure?.length ?? OutlierTest.length(update.delta), cosine: measure?.cosine ?? 0,
                exclusion: measure?.reason)
            if let reason = measure?.reason {
                marks[update.board] = Mark(version: latest, reason: reason)
            } else if let test, let measure, test.accord == .agreed, measure.cosine >= Self.cleared * test.middle {
                marks[update.board] = nil
            } else if let mark = marks[update.board] {
                share.exclusion = "\(mark.reason), at version \(mark.version)"
            }
            if share.exclusion == nil, age > oldestBase {
                share.exclusion = "learned from version \(update.baseVersion), \(age) before the latest"
            }
            return share
        }
    }

    private func weights(_ updates: [GateUpdate], _ latest: UInt64, _ now: UInt64) -> [Double] {
        var counts = updates.map { (value: Double($0.samples), weight: 1.0) }
        let most = heaviest * MergeRule.median.merge(&counts)
        return updates.map { update in
            let age = Double(latest - min(latest, update.baseVersion))
            let waited = Double(now - min(now, update.arrivedAtMilliseconds))
            return min(Double(update.samples), most) / (1 + age).squareRoot() / (1 + waited / halfLifeMilliseconds)
        }
    }
}
