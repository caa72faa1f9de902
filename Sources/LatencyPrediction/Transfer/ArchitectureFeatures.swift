import SearchSpace

/// What an architecture string says about the work behind it, as numbers: structural counts and one-hot choices.
///
/// NAS-Bench-201 (six digits, or its own `|op~0|+|…|` form), FBNet (22 digits) and subnets (JSON, or the short form)
/// are understood; other strings of equally many characters or tokens give one-hot choices and their counts, unless
/// they are only names; of anything else nothing is known, and transfer rests on measured behaviour alone.
struct ArchitectureFeatures: Sendable {
    enum Encoding: Hashable, Sendable { case nasBench201, fbnet, subnets, generic, none }

    /// The most features of a space that is not understood; beyond it only counts are taken.
    static let genericLimit = 400

    let encoding: Encoding
    /// Standardised over the architectures.
    let counts: DenseMatrix
    /// Centred over the architectures.
    let choices: DenseMatrix
    /// How often each operator stands in an architecture; centred over the architectures.
    let operators: DenseMatrix

    /// Architectures of several spaces are not understood.
    init(_ architectures: [String]) {
        let screen = ArchitectureScreen(architectures)
        self.init(architectures, of: screen.leftOut.isEmpty ? screen.space : .unknown)
    }

    /// - Parameter space: of all the architectures, see `comparable`.
    init(_ architectures: [String], of space: ArchitectureScreen.Space) {
        let tokens = architectures.map(Self.tokens)
        let numbers = tokens.map { $0.compactMap(Self.operation) }
        let described = Self.isSubnets(space) ? architectures.compactMap { SubnetConfiguration(text: $0) } : []
        let subnets = SubnetFeatures(described)
        let rows: [(counts: [Double], choices: [Double])]
        switch space {
        case .nasBench201: (encoding, rows) = (.nasBench201, numbers.map(NASBench201Features.features))
        case .fbnet: (encoding, rows) = (.fbnet, numbers.map(FBNetFeatures.features))
        case .subnets: (encoding, rows) = (.subnets, subnets.rows)
        case .choices, .unknown:
            let generic = space == .unknown ? nil : Self.generic(tokens)
            (encoding, rows) = (generic == nil ? .none : .generic, generic ?? tokens.map { _ in ([], []) })
        }
        counts = Self.standardised(rows.map(\.counts), toUnitDeviation: true)
        choices = Self.standardised(rows.map(\.choices), toUnitDeviation: false)
        let tallies =
            switch encoding {
            case .nasBench201:
                numbers.map { Self.tally($0, of: 5) + Self.tally(NASBench201Features.connected($0), of: 5) }
            case .fbnet: numbers.map { Self.tally($0, of: 9) + FBNetFeatures.workByBlock($0) }
            case .subnets: subnets.operators
            case .generic, .none: rows.map(\.counts)
            }
        let isScaled = encoding == .fbnet || encoding == .subnets
        operators = Self.standardised(tallies, toUnitDeviation: isScaled)
    }

    /// Those names that can be described together with others of a space: one that is understood, or strings of one
    /// length, admit no others. Where names say nothing, all.
    static func comparable(_ names: [String], with space: ArchitectureScreen.Space) -> [String] {
        switch space {
        case .unknown: names
        case .choices(let count): names.filter { tokens(of: $0).count == count }
        case .nasBench201, .fbnet, .subnets: names.filter { understood($0, tokens(of: $0)) == space }
        }
    }

    /// The space whose form a string or its parts have; `nil` for any other string.
    static func understood(_ text: String, _ tokens: [String]) -> ArchitectureScreen.Space? {
        if let subnet = SubnetConfiguration(text: text) { return .subnets(stages: subnet.depths.count) }
        let numbers = tokens.compactMap(operation)
        guard numbers.count == tokens.count else { return nil }
        return switch numbers.count {
        case 6 where numbers.allSatisfy((0..<5).contains): .nasBench201
        case 22 where numbers.allSatisfy((0..<9).contains): .fbnet
        default: nil
        }
    }

    private static func isSubnets(_ space: ArchitectureScreen.Space) -> Bool {
        if case .subnets = space { true } else { false }
    }

    /// The parts between separators, or the characters of a string that has none.
    static func tokens(of text: String) -> [String] {
        let parts = text.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "~" || $0 == ".") }
        guard parts.count <= 1 else { return parts.map(String.init) }
        return (parts.first ?? "").map(String.init)
    }

    /// An operation's number: itself, or the place of NAS-Bench-201's name in the order none, skip, 1x1, 3x3, pool.
    private static func operation(_ token: String) -> Int? {
        switch token.prefix(while: { $0 != "~" }) {
        case "none": 0
        case "skip_connect": 1
        case "nor_conv_1x1": 2
        case "nor_conv_3x3": 3
        case "avg_pool_3x3": 4
        default: Int(token)
        }
    }

    /// Whether strings of these parts can be told apart by which word stands where.
    static func areChoices(_ tokens: [[String]]) -> Bool { words(of: tokens) != nil }

    /// The words of strings of equally many parts; `nil` where lengths differ or words are one or too many.
    private static func words(of tokens: [[String]]) -> [String]? {
        guard let length = tokens.first?.count, length > 1, tokens.allSatisfy({ $0.count == length }) else {
            return nil
        }
        let words = Set(tokens.joined())
        return words.count > 1 && words.count <= genericLimit / 2 ? words.sorted() : nil
    }

    private static func generic(_ tokens: [[String]]) -> [(counts: [Double], choices: [Double])]? {
        guard let words = words(of: tokens) else { return nil }
        let length = tokens[0].count
        let places = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, $0) })
        let hasChoices = words.count * length <= genericLimit
        return tokens.map { line in
            var counts = Array(repeating: 0.0, count: words.count)
            var choices = Array(repeating: 0.0, count: hasChoices ? words.count * length : 0)
            for (position, token) in line.enumerated() {
                guard let place = places[token] else { continue }
                counts[place] += 1
                if hasChoices { choices[position * words.count + place] = 1 }
            }
            return (counts, choices)
        }
    }

    private static func tally(_ numbers: [Int], of kinds: Int) -> [Double] {
        (0..<kinds).map { kind in Double(numbers.count { $0 == kind }) }
    }

    /// Centred columns, those that never change left out.
    private static func standardised(_ rows: [[Double]], toUnitDeviation isScaled: Bool) -> DenseMatrix {
        let width = rows.first?.count ?? 0
        let count = Double(max(rows.count, 1))
        var means = Array(repeating: 0.0, count: width)
        for row in rows { for column in 0..<width { means[column] += row[column] / count } }
        var variances = Array(repeating: 0.0, count: width)
        for row in rows {
            for column in 0..<width {
                variances[column] += (row[column] - means[column]) * (row[column] - means[column]) / count
            }
        }
        let kept = (0..<width).filter { variances[$0] > 1e-12 }
        return DenseMatrix(
            rows.map { row in
                kept.map { (row[$0] - means[$0]) / (isScaled ? variances[$0].squareRoot() : 1) }
            }, columns: kept.count)
    }
}

/// One-hot rows: which of `operations` (those listed, others give zeros) stands at each place.
func oneHot(_ choices: [Int], operations: Range<Int>) -> [Double] {
    choices.flatMap { choice in operations.map { $0 == choice ? 1 : 0 } }
}
