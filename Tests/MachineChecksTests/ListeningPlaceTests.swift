import Files
import Foundation
import Testing

@testable import MachineChecks

@Suite struct ListeningPlaceTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "places-\(UUID())").path()

    /// A port that something listens on until the body is done.
    private func withTakenPort(_ body: (Int) throws -> Void) throws {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(file >= 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, size) == 0 && listen(file, 1) == 0 && getsockname(file, $0, &size) == 0
            }
        }
        try #require(isBound)
        try body(Int(UInt16(bigEndian: address.sin_port)))
    }

    @Test func aPortInUseIsBadUnlessTheProgramRuns() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try withTakenPort { port in
            let place = ListeningPlace(host: "127.0.0.1", port: port)
            let finding = place.finding("metrics", of: folder)
            #expect(finding.check == "metrics: port" && finding.verdict == .bad)
            #expect(finding.message.hasPrefix("127.0.0.1:\(port): "), "\(finding.message)")
            // Looking makes no lock where there was none.
            #expect(!FileManager.default.fileExists(atPath: folder + "/lock"))
            let lock = try FolderLock(folder)
            #expect(place.finding("metrics", of: folder).verdict == .good)
            withExtendedLifetime(lock) {}
        }
    }

    @Test func aFreePortIsGoodAndAForeignAddressIsNot() {
        #expect(ListeningPlace(host: "127.0.0.1", port: 0).finding("metrics", of: folder).verdict == .good)
        // Of the documentation's addresses, which no machine has.
        #expect(ListeningPlace(host: "192.0.2.1", port: 0).finding("metrics", of: folder).verdict == .bad)
    }

    @Test func theAgentsPortsAreLookedAt() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try withTakenPort { port in
            let configuration = """
                board: board-1
                stateDirectory: \(folder)
                metrics: { port: \(port) }
                inference: { port: 0 }
                models: []
                """
            try Data(configuration.utf8).write(to: URL(filePath: folder + "/agent.yaml"))
            let findings = BoardChecks(configuration: folder + "/agent.yaml").findings()
            #expect(findings.first { $0.check == "metrics: port" }?.verdict == .bad)
            #expect(findings.first { $0.check == "inference: port" }?.verdict == .good)
            let socket = configuration.replacing("inference: { port: 0 }", with: "inference: { socket: s }")
            try Data(socket.utf8).write(to: URL(filePath: folder + "/agent.yaml"))
            let others = BoardChecks(configuration: folder + "/agent.yaml").findings()
            #expect(others.first { $0.check == "inference: port" } == nil && others.count == findings.count - 1)
        }
    }
}
