import Testing

@testable import Artefacts

@Suite struct ChunkTreeTests {
    /// Leaves and roots that implementations of RFC 6962 agree on.
    @Test func rootsAreThoseOfTheStandard() {
        let leaves: [[UInt8]] = [
            [], [0], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
            Array(0x50...0x57), Array(0x60...0x6F),
        ]
        let roots = [
            1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        for (count, root) in roots {
            let tree = ChunkTree(leaves: leaves.prefix(count).map(ChunkTree.leaf))
            #expect("\(tree.root)" == root, "\(count) leaves")
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 100])
    func everyLeafIsProvenAndNothingElse(count: Int) {
        let leaves = (0..<count).map { ChunkTree.leaf([UInt8($0)]) }
        let tree = ChunkTree(leaves: leaves)
        for leaf in 0..<count {
            let proof = tree.proof(of: leaf)
            #expect(proof.count == ChunkTree.proofCount(of: leaf, among: count))
            func verifies(_ sum: ContentSum, _ place: Int, _ among: Int, _ proof: [ContentSum]) -> Bool {
                ChunkTree.verifies(sum, at: place, among: among, proof: proof, root: tree.root)
            }
            #expect(verifies(leaves[leaf], leaf, count, proof))
            #expect(!verifies(ChunkTree.leaf([255]), leaf, count, proof))
            #expect(!verifies(leaves[leaf], leaf, count, proof + [leaves[0]]))
            #expect(!verifies(leaves[leaf], -1, count, proof) && !verifies(leaves[leaf], count, count, proof))
            for other in 0..<count where other != leaf { #expect(!verifies(leaves[leaf], other, count, proof)) }
            if !proof.isEmpty { #expect(!verifies(leaves[leaf], leaf, count, Array(proof.dropLast()))) }
        }
    }

    /// An inner node does not pass for a leaf.
    @Test func leavesAndNodesAreSummedDifferently() {
        let leaves = (0..<2).map { ChunkTree.leaf([UInt8($0)]) }
        let tree = ChunkTree(leaves: leaves)
        #expect(ChunkTree.leaf(leaves[0].bytes + leaves[1].bytes) != tree.root)
    }
}
