import SearchSpace

/// Which strings of a list describe architectures of one search space, so that they can be told apart by structure.
///
/// A single string of another form would make structure mean nothing for all others. So the space of most strings
/// decides, and the others are left out, by name: a predictor says nothing of them.
public struct ArchitectureScreen: Hashable, Sendable {
    public enum Space: Hashable, Sendable, CustomStringConvertible {
        case nasBench201, fbnet
        /// Subnets of a supernet of so many stages, as JSON or in the short form (`SubnetConfiguration`).
        case subnets(stages: Int)
        /// Strings that are not understood but have equally many parts (or characters), each a choice of its own.
        case choices(count: Int)
        /// Strings that say nothing: only what boards measured is left.
        case unknown

        public var description: String {
            switch self {
            case .nasBench201: "NAS-Bench-201 (six operations, 0...4)"
            case .fbnet: "FBNet (22 blocks, 0...8)"
            case .subnets(let stages): "subnets of \(stages) stages"
            case .choices(let count): "\(count) choices each"
            case .unknown: "no space that is understood"
            }
        }

        /// Whether more is known of it than which word stands where.
        public var isUnderstood: Bool {
            switch self {
            case .nasBench201, .fbnet, .subnets: true
            case .choices, .unknown: false
            }
        }
    }

    public let space: Space
    /// Places in the list of the strings that are not of the space.
    public let leftOut: [Int]
    /// Strings of the list that are of one understood space, of that which has most.
    public let understoodCount: Int

    public init(_ architectures: [String]) {
        let tokens = architectures.map(ArchitectureFeatures.tokens)
        let spaces = zip(architectures, tokens).map { ArchitectureFeatures.understood($0, $1) }
        let most = Self.most(of: spaces)
        understoodCount = most?.count ?? 0
        if let most, 2 * most.count > architectures.count {
            space = most.space
            leftOut = spaces.indices.filter { spaces[$0] != most.space }
            return
        }
        guard !ArchitectureNames.areOnlyNames(architectures, tokens) else {
            space = .unknown
            leftOut = []
            return
        }
        let lengths = Dictionary(tokens.map { ($0.count, 1) }, uniquingKeysWith: +)
        let length = lengths.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
        let isMost = 2 * (lengths[length] ?? 0) > architectures.count
        guard isMost, ArchitectureFeatures.areChoices(tokens.filter { $0.count == length }) else {
            space = .unknown
            leftOut = []
            return
        }
        space = .choices(count: length)
        leftOut = tokens.indices.filter { tokens[$0].count != length }
    }

    /// The space that most strings are of, and how many; of two with as many, the one that stands first.
    private static func most(of spaces: [Space?]) -> (space: Space, count: Int)? {
        var counts: [Space: Int] = [:]
        for case let space? in spaces { counts[space, default: 0] += 1 }
        guard let count = counts.values.max() else { return nil }
        return spaces.compactMap { $0 }.first { counts[$0] == count }.map { ($0, count) }
    }

    /// Those of the strings, in order, that are of the space.
    func kept(of architectures: [String]) -> [String] {
        let dropped = Set(leftOut)
        return architectures.indices.filter { !dropped.contains($0) }.map { architectures[$0] }
    }
}
