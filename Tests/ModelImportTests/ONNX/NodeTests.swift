import Foundation
import Graphs
import Testing

/// The official backend tests of ONNX's operators, from the Python package `onnx`.
///
/// `onnx-node-tests.txt` lists every case of that package: a name alone passes, a name with a reason is excluded.
@Suite struct NodeTests {
    @Test(.enabled("the Python package onnx is not installed; Cluster/install does that") { NodeTestCase.root != nil })
    func listedCasesPass() throws {
        let root = try #require(NodeTestCase.root)
        let list = try NodeTestList(Fixture.path("onnx-node-tests.txt"))

        #expect(list.passing.count == NodeTestList.passingCount)
        for testCase in try NodeTestCase.all(in: root) {
            if list.excluded[testCase.name] != nil { continue }
            let failure = testCase.failure()
            #expect(failure == nil, "\(testCase.name): \(failure ?? "")")
            #expect(list.passing.contains(testCase.name), "\(testCase.name): is not listed")
        }
    }

    /// Every row of the table occurs in a case that passes; two have none, and tests of their own instead.
    @Test(.enabled("the Python package onnx is not installed; Cluster/install does that") { NodeTestCase.root != nil })
    func everyOperatorHasACase() throws {
        let root = try #require(NodeTestCase.root)
        let list = try NodeTestList(Fixture.path("onnx-node-tests.txt"))
        var seen: Set<String> = []
        for testCase in try NodeTestCase.all(in: root) where list.passing.contains(testCase.name) {
            seen.formUnion(try testCase.graph().nodes.map(\.operatorName))
        }
        #expect(OperatorTable.names.filter { !seen.contains($0) } == ["GlobalLpPool", "LpNormalization"])
    }

    /// An exclusion whose case passes is no longer true.
    @Test(.enabled("the Python package onnx is not installed; Cluster/install does that") { NodeTestCase.root != nil })
    func excludedCasesStillFail() throws {
        let root = try #require(NodeTestCase.root)
        let list = try NodeTestList(Fixture.path("onnx-node-tests.txt"))
        for name in list.excluded.keys.sorted() {
            let testCase = NodeTestCase(folder: root.appending(path: name))
            #expect(testCase.failure() != nil, "\(name): passes now, so it belongs among those that pass")
        }
    }
}

struct NodeTestList {
    static let passingCount = 893
    private(set) var passing: Set<String> = []
    private(set) var excluded: [String: String] = [:]

    init(_ path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 1 { passing.insert(String(line)) } else { excluded[String(parts[0])] = String(parts[1]) }
        }
    }
}
