/// A tree of sums over the chunks of an artefact, as of RFC 6962, section 2.1: leaves and inner nodes are summed with
/// different first bytes, so that neither passes for the other, and a node without a neighbour moves up as it is.
public struct ChunkTree: Sendable {
    /// Leaves first, the root last.
    private let levels: [[ContentSum]]

    /// - Precondition: there is a leaf.
    public init(leaves: [ContentSum]) {
        precondition(!leaves.isEmpty, "a tree without leaves")
        var levels = [leaves]
        while let last = levels.last, last.count > 1 {
            levels.append(
                stride(from: 0, to: last.count, by: 2).map {
                    $0 + 1 < last.count ? Self.node(last[$0], last[$0 + 1]) : last[$0]
                })
        }
        self.levels = levels
    }

    public var root: ContentSum { levels[levels.count - 1][0] }
    public var leafCount: Int { levels[0].count }

    public static func leaf(_ chunk: [UInt8]) -> ContentSum { ContentSum(of: [0] + chunk) }

    private static func node(_ left: ContentSum, _ right: ContentSum) -> ContentSum {
        ContentSum(of: [1] + left.bytes + right.bytes)
    }

    /// The neighbours on the way from a leaf to the root.
    public func proof(of leaf: Int) -> [ContentSum] {
        var (index, proof) = (leaf, [ContentSum]())
        for level in levels.dropLast() {
            let neighbour = index ^ 1
            if neighbour < level.count { proof.append(level[neighbour]) }
            index /= 2
        }
        return proof
    }

    public static func proofCount(of leaf: Int, among count: Int) -> Int {
        var (index, last, sums) = (leaf, count - 1, 0)
        while last > 0 {
            if index ^ 1 <= last { sums += 1 }
            (index, last) = (index / 2, last / 2)
        }
        return sums
    }

    public static func verifies(
        _ leaf: ContentSum, at position: Int, among count: Int, proof: [ContentSum], root: ContentSum
    ) -> Bool {
        guard (0..<count).contains(position), proof.count == proofCount(of: position, among: count) else {
            return false
        }
        var (index, last, sum, rest) = (position, count - 1, leaf, proof[...])
        while last > 0 {
            if index ^ 1 <= last, let neighbour = rest.popFirst() {
                sum = index % 2 == 1 ? node(neighbour, sum) : node(sum, neighbour)
            }
            (index, last) = (index / 2, last / 2)
        }
        return sum == root
    }
}
