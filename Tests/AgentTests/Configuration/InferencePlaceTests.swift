import Foundation
import Testing

@testable import Agent

@Suite struct InferencePlaceTests {
    private func read(_ inference: String) throws -> AgentConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            inference: \(inference)
            models:
              - { name: m, package: p, points: q, statistics: s, stream: { images: [i], framesPerSecond: 1 } }
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path())
    }

    @Test func portsAndSocketsAreTaken() throws {
        #expect(try read("{ port: 8000 }").inference == .loopback(host: "127.0.0.1", port: 8000))
        #expect(try read("{ port: 0, host: '::1' }").inference == .loopback(host: "::1", port: 0))
        #expect(try read("{ socket: /run/s }").inference == .socket(path: "/run/s"))
        #expect(try read("").inference == nil)
    }

    @Test(arguments: [
        ("{ port: 8000, host: 0.0.0.0 }", "0.0.0.0 is not a loopback address"), ("{}", "give either port or socket"),
        ("{ port: 70000 }", "70000 is no port"), ("{ port: 1, socket: s }", "give either port or socket"),
        ("{ socket: s, host: localhost }", "host: goes with port"), ("{ prot: 1 }", "there is no such field"),
    ])
    func theRestIsRefused(inference: String, words: String) {
        let failure = #expect(throws: ConfigurationFailure.self) { try read(inference) }
        #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
    }

    @Test func onlyASocketThatWasLeftIsRemoved() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "s-\(UUID())").path()
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: ConfigurationFailure.self) { try InferencePlace.socket(path: path).address() }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: [SOCK_STREAM, SOCK_SEQPACKET])
    func aSocketThatSomebodyListensOnIsLeftToThem(type: __socket_type) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "l-\(UUID().uuidString.prefix(8))").path()
        let descriptor = socket(AF_UNIX, Int32(type.rawValue), 0)
        defer { unlink(path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0 && listen(descriptor, 1) == 0)
        let failure = #expect(throws: ConfigurationFailure.self) { try InferencePlace.socket(path: path).address() }
        #expect(failure?.reason.hasPrefix("another program listens on it") == true)
        #expect(FileManager.default.fileExists(atPath: path))
        close(descriptor)
        _ = try InferencePlace.socket(path: path).address()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aPortInUseIsNamed() {
        let failure = EndpointFailure(place: .loopback(host: "127.0.0.1", port: 8000), code: EADDRINUSE)
        #expect(StartFailure(failure).message.contains("127.0.0.1:8000 cannot be bound: Address already in use"))
        #expect(StartFailure(failure).exitCode == 6)
    }
}
