/// Which strings of a list describe architectures of one search space, so that they can be told apart by structure.
///
/// A single string of another form would make structure mean nothing for all others. So the space of most strings
/// decides, and the others are left out, by name: a predictor says nothing of them.
public struct ArchitectureScreen: Hashable, Sendable {
    public enum Space: Hashable, Sendable, CustomStringConvertible {
        case nasBench201, fbnet
        /// Strings that are not understood but have equally many parts (or characters), each a choice of its own.
        case choices(count: Int)
        /// Strings that say nothing: only what boards measured is left.
        case unknown

        public var description: String {
            switch self {
            case .nasBench201: "NAS-Bench-201 (six operations, 0...4)"
            case .fbnet: "FBNet (22 blocks, 0...8)"
            case .choices(let count): "\(count) choices each"
            case .unknown: "no space that is understood"
            }
        }
    }

    /// How much further numbers may go than there are architectures.
    private static let numberedSpan = 4

    public let space: Space
    /// Places in the list of the strings that are not of the space.
    public let leftOut: [Int]
    /// Strings of the list that are of NAS-Bench-201 or FBNet, whichever are more.
    public let understoodCount: Int

    public init(_ architectures: [String]) {
        let tokens = architectures.map(ArchitectureFeatures.tokens)
        let spaces = tokens.map(ArchitectureFeatures.understood)
        let (cells, blocks) = (spaces.count { $0 == .nasBench201 }, spaces.count { $0 == .fbnet })
        understoodCount = max(cells, blocks)
        if 2 * understoodCount > architectures.count {
            let most = blocks > cells ? Space.fbnet : .nasBench201
            space = most
            leftOut = spaces.indices.filter { spaces[$0] != most }
            return
        }
        guard !Self.areNumbered(architectures) else {
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

    /// Whether the strings only number architectures, such as `net0` to `net299`: digits after one word for all (or
    /// after none, of different lengths), of which a good part of the numbers between stand there. They are no choices.
    private static func areNumbered(_ architectures: [String]) -> Bool {
        let words = Set(architectures.map { String($0.prefix { !$0.isASCII || !$0.isNumber }) })
        guard words.count == 1, let word = words.first else { return false }
        let numbers = architectures.compactMap { Int($0.dropFirst(word.count)) }
        let isPlain = !word.isEmpty || Set(architectures.map(\.count)).count > 1
        guard numbers.count == architectures.count, isPlain, let least = numbers.min(), let most = numbers.max() else {
            return false
        }
        return most - least < numberedSpan * numbers.count
    }

    /// Those of the strings, in order, that are of the space.
    func kept(of architectures: [String]) -> [String] {
        let dropped = Set(leftOut)
        return architectures.indices.filter { !dropped.contains($0) }.map { architectures[$0] }
    }
}
