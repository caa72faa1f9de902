import Foundation
import Graphs
import Testing

@testable import ModelImport

/// Files that end early are refused or read.
@Suite struct ONNXTruncationTests {
    private func attempt(_ bytes: [UInt8]) {
        guard let graph = try? ONNXImporter.parse(bytes) else { return }
        _ = try? BoundGraph(graph, sizes: .init(others: 2))
    }

    @Test func everyTruncationIsHandled() throws {
        for model in try MutatedFormat.models() { for end in model.indices { attempt(Array(model[..<end])) } }
    }
}
