import Foundation
import Testing

@testable import Agent

/// An agent may be told where its coordinators are.
@Suite struct CoordinatorAddressTests {
    private func read(_ rest: String) throws -> AgentConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            models:
              - { name: m, package: p, points: q, stream: { images: [i], busyShare: 1 } }
            \(rest)
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path())
    }

    @Test func severalMayBeGivenOrNone() throws {
        #expect(try read("").coordinators == nil)
        let two = ["tcp://10.0.0.1:7700", "tcp://fleet.example:7700"]
        #expect(try read("coordinators: [\(two.joined(separator: ", "))]").coordinators == two)
    }

    @Test(arguments: ["", "tcp://:7700", "tcp://a:0", "tcp://a:65536", "tcp://a", "http://a:7700", "a:7700"])
    func whatIsNoAddressIsRefusedByItsPlace(address: String) {
        let failure = #expect(throws: ConfigurationFailure.self) {
            try read("coordinators: [\"tcp://a:1\", \"\(address)\"]")
        }
        #expect(failure?.reason.hasPrefix("coordinators[1]: ") == true, "\(String(describing: failure))")
    }

    @Test func theirNumberIsBounded() throws {
        let addresses = (1...AgentConfiguration.coordinatorLimit).map { "tcp://a:\($0)" }
        #expect(try read("coordinators: [\(addresses.joined(separator: ", "))]").coordinators == addresses)
        for wrong in [[], addresses + ["tcp://b:1"]] {
            #expect(throws: ConfigurationFailure.self) {
                try read("coordinators: [\(wrong.joined(separator: ", "))]")
            }
        }
    }
}
