/// Finds boards whose updates are unlike the others': by length, and by direction against the middle of the others.
///
/// Length: robust, against the median. Direction: a board that learns improves the gates where the others improve them;
/// a sign-flipped update points the other way, noise points nowhere. The reference is the coordinate-wise median of the
/// *other* boards, for with its own share in the median noise would seem to have a direction; at first only of those in
/// the majority whose updates are most alike (as Krum chooses, Blanchard et al. 2017), so that bad ones do not bend it.
///
/// Direction says something only while boards agree: around an optimum their updates cancel out, and each points away
/// from the others although all are honest. Then nobody is named for it, and the merge rule alone has to withstand.
/// Whether boards agree is asked of all of them and not of those whose updates are most alike: of eight that point
/// anywhere four always seem to agree, for they were chosen for it, and would name the others.
/// Fewer than half of the boards may be bad: two of four that send the same are as good as the other two, to this test
/// and to any that treats boards alike. It says then that boards are split. Boards that are distrusted already make no
/// half: who was named before and points away once more says nothing new.
public struct OutlierTest: Equatable, Codable, Sendable {
    /// Updates below which nobody can be told apart.
    public static let fewestUpdates = 3
    /// A cosine below which an update points against others; above it may be noise.
    private static let against = -0.1

    /// How many times as long, or as short, as the median an update may be at least.
    public var lengthFactor = 4.0
    /// Of the median of those factors, how many times as much is put up with.
    public var lengthSpread = 2.5
    /// Median cosine of all boards with those that are alike from which on they agree.
    public var agreement = 0.18
    /// Of all boards, the share that may point away, fewer than half, though always one; where more do, the boards
    /// disagree, and nobody is named for it.
    public var mostAway = 0.49
    /// Of that median, the share that a board's own cosine must reach.
    public var share = 0.1

    public init() {}

    /// Of one update.
    public struct Measure: Equatable, Sendable {
        /// Euclidean length.
        public var length: Double
        /// With the coordinate-wise median of other updates, -1...1.
        public var cosine: Double
        /// Why it is an outlier; `nil` where it is none.
        public var reason: String?
    }

    /// How boards' directions stand to each other.
    public enum Accord: String, Equatable, Sendable {
        /// All but a few point the same way, so that directions say something.
        case agreed
        /// They point anywhere, as around an optimum.
        case disagreed
        /// Some clearly point one way, and half of the boards or more against them: either may be the bad ones.
        case split
    }

    public struct Result: Equatable, Sendable {
        /// One for each update.
        public var measures: [Measure]
        public var accord: Accord
        /// Median cosine of those that are none.
        public var middle: Double
    }

    /// - Parameters:
    ///   - deltas: of equal counts, finite.
    ///   - distrusted: positions of updates of boards that were named before.
    public func measure(_ deltas: [[Float]], distrusted: Set<Int> = []) -> Result {
        let lengths = deltas.map(Self.length)
        var reasons = [String?](repeating: nil, count: deltas.count)
        if deltas.count >= Self.fewestUpdates {
            let middling = max(Self.median(lengths), .leastNormalMagnitude)
            let factors = lengths.map { max($0, middling) / max(min($0, middling), .leastNormalMagnitude) }
            let reach = max(lengthFactor, lengthSpread * Self.median(factors))
            for index in deltas.indices where factors[index] > reach {
                let size = lengths[index] > middling ? "long" : "short"
                reasons[index] = "\(Self.text(factors[index])) times as \(size) as the median update"
            }
        }
        let likely = deltas.indices.filter { reasons[$0] == nil }
        var (accord, middle) = (Accord.disagreed, 0.0)
        var cosines = Self.cosines(deltas, lengths, against: likely)
        if likely.count >= Self.fewestUpdates {
            let majority = Self.alike(likely, neighbours: likely.count / 2, deltas, lengths)
            cosines = Self.cosines(deltas, lengths, against: majority)
            let least = share * Self.median(likely.map { cosines[$0] })
            let members = likely.filter { cosines[$0] > least }
            cosines = Self.cosines(deltas, lengths, against: members)
            middle = Self.median(members.map { cosines[$0] })
            let away = likely.filter { cosines[$0] <= share * middle }
            let isCommon = Self.median(likely.map { cosines[$0] }) >= agreement
            if isCommon, away.count <= max(1, Int(mostAway * Double(deltas.count))) {
                accord = .agreed
            } else if isSplit(likely.filter { !distrusted.contains($0) }, deltas, lengths) {
                accord = .split
            }
            if accord == .agreed { for index in away { reasons[index] = Self.direction(cosines[index]) } }
        }
        return Result(
            measures: deltas.indices.map {
                Measure(length: lengths[$0], cosine: cosines[$0], reason: reasons[$0])
            }, accord: accord, middle: middle)
    }

    /// Whether the half that is most alike agrees, and at least as many point against it.
    private func isSplit(_ boards: [Int], _ deltas: [[Float]], _ lengths: [Double]) -> Bool {
        guard boards.count >= 4 else { return false }
        let camp = Self.alike(boards, neighbours: boards.count / 2 - 1, deltas, lengths)
        let cosines = Self.cosines(deltas, lengths, against: camp)
        return Self.median(camp.map { cosines[$0] }) >= agreement
            && 2 * boards.count { cosines[$0] < Self.against } >= boards.count
    }

    private static func direction(_ cosine: Double) -> String {
        cosine < against
            ? "points against the others: cosine \(text(cosine))"
            : "points nowhere, as noise does: cosine \(text(cosine))"
    }

    private static func text(_ value: Double) -> String {
        value < 1_000 ? "\((value * 100).rounded() / 100)" : "more than 1000"
    }

    static func length(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    /// The board that is most like so many neighbours, and these.
    private static func alike(
        _ boards: [Int], neighbours count: Int, _ deltas: [[Float]], _ lengths: [Double]
    ) -> [Int] {
        var likeness = [[Double]](repeating: [Double](repeating: 0, count: boards.count), count: boards.count)
        for first in boards.indices {
            for second in 0..<first {
                let (one, other) = (boards[first], boards[second])
                let size = lengths[one] * lengths[other]
                let product = zip(deltas[one], deltas[other]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                likeness[first][second] = size > 0 ? product / size : 0
                likeness[second][first] = likeness[first][second]
            }
        }
        let neighbours = boards.indices.map { board in
            boards.indices.filter { $0 != board }.sorted { (-likeness[board][$0], $0) < (-likeness[board][$1], $1) }
                .prefix(count)
        }
        let scores = boards.indices.map { board in neighbours[board].reduce(0) { $0 + likeness[board][$1] } }
        let best = boards.indices.max { (scores[$0], -$0) < (scores[$1], -$1) } ?? 0
        return ([best] + neighbours[best]).map { boards[$0] }
    }

    /// Of every update with the coordinate-wise median of those of `members` that are not its own.
    private static func cosines(_ deltas: [[Float]], _ lengths: [Double], against members: [Int]) -> [Double] {
        guard members.count > 1, let parameters = deltas.first?.count else { return lengths.map { _ in 0 } }
        var products = [Double](repeating: 0, count: deltas.count)
        var squares = products
        let others = deltas.indices.filter { !members.contains($0) }
        var column = [(value: Double, board: Int)]()
        column.reserveCapacity(members.count)
        // Of the others, sorted, the two in the middle; the same one where their number is odd.
        let (low, high) = ((members.count - 2) / 2, (members.count - 1) / 2)
        for parameter in 0..<parameters {
            column.removeAll(keepingCapacity: true)
            for board in members { column.append((Double(deltas[board][parameter]), board)) }
            column.sort { ($0.value, $0.board) < ($1.value, $1.board) }
            for (rank, entry) in column.enumerated() {
                let (first, second) = (column[low + (rank <= low ? 1 : 0)], column[high + (rank <= high ? 1 : 0)])
                let median = (first.value + second.value) / 2
                products[entry.board] += entry.value * median
                squares[entry.board] += median * median
            }
            let median = (column[(column.count - 1) / 2].value + column[column.count / 2].value) / 2
            for board in others {
                products[board] += Double(deltas[board][parameter]) * median
                squares[board] += median * median
            }
        }
        return deltas.indices.map { board in
            let size = lengths[board] * squares[board].squareRoot()
            return size > 0 ? products[board] / size : 0
        }
    }

    private static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        var pairs = values.map { (value: $0, weight: 1.0) }
        return MergeRule.median.merge(&pairs)
    }
}
