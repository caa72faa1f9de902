import Foundation
import Graphs
import Messaging
import NetworkParts
import Packages
import Testing

@testable import MachineChecks

@Suite struct BoardChecksTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "board-checks-\(UUID())")

    private func findings(enrolment: Bool, membership: String? = nil) throws -> [Finding] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = try #require(PublicKey(z85: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"))
        try EnrolmentBundle(
            enrolmentEndpoint: "tcp://127.0.0.1:1", fleetEndpoint: "tcp://no-such-name.invalid:7100",
            serverPublicKey: key, token: "token"
        ).save(to: folder.path() + "/bundle.json")
        if let membership { try Data(membership.utf8).write(to: folder.appending(path: "membership.json")) }
        try Data("no package".utf8).write(to: folder.appending(path: "m.shoal"))
        let configuration = """
            board: board-1
            stateDirectory: \(folder.path())
            \(enrolment ? "enrolment: \(folder.path())/bundle.json" : "")
            models:
              - {name: m, package: \(folder.path())/m.shoal, points: \(folder.path())/points.json}
            """
        try Data(configuration.utf8).write(to: folder.appending(path: "agent.yaml"))
        return BoardChecks(configuration: folder.path() + "/agent.yaml").findings()
    }

    private func verdict(_ check: String, _ findings: [Finding]) -> Finding.Verdict? {
        findings.first { $0.check.hasSuffix(check) }?.verdict
    }

    @Test func whatAnAgentWouldMeetIsNamed() throws {
        let findings = try findings(enrolment: true)
        #expect(verdict("configuration", findings) == .good && verdict("m.shoal", findings) == .bad)
        #expect(findings.contains { $0.check == "m" && $0.message.contains("points") })
        #expect(verdict("enrolment", findings) == .good)
        #expect(verdict("enrolment endpoint: port", findings) == .bad)
        #expect(verdict("fleet endpoint: name", findings) == .bad)
    }

    @Test(arguments: [("Relu", true), ("Det", false)]) func networksThatAgentsDoNotRunAreNamed(
        last: String, isRun: Bool
    ) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let graph = try Graph(
            name: "r",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [1, 3, 4, 4].map { .fixed($0) })],
            outputs: ["y"], initialisers: [:], nodes: [Node(last, opset: 14, inputs: ["x"], outputs: ["y"])])
        try NetworkPackage(graph: graph, configuration: .init()).package().write(to: folder.path() + "/n")
        try Data(#"{"points": []}"#.utf8).write(to: folder.appending(path: "q"))
        let configuration = """
            board: board-1
            stateDirectory: \(folder.path())
            models: [{name: m, package: \(folder.path())/n, points: \(folder.path())/q}]
            """
        try Data(configuration.utf8).write(to: folder.appending(path: "agent.yaml"))
        let findings = BoardChecks(configuration: folder.path() + "/agent.yaml").findings()
        #expect(verdict("/n", findings) == .good)
        let said = findings.filter { $0.check == "m" }.map(\.message)
        #expect(said.contains { $0.hasPrefix("its points are no table") && $0.contains("model: is missing") })
        #expect(said.contains { $0.contains("/n: Det") } != isRun && said.count == (isRun ? 1 : 2), "\(said)")
    }

    @Test func aBoardIsEnrolledOrWillBe() throws {
        #expect(verdict("enrolment", try findings(enrolment: false)) == .bad)
        let told = #"{"board":"board-1","fleetEndpoint":"tcp://127.0.0.1:1","serverPublicKey":"x"}"#
        for membership in [told, "shoal-state 0\n" + told] {
            let findings = try findings(enrolment: false, membership: membership)
            #expect(verdict("enrolment", findings) == .good && verdict("coordinator: port", findings) == .bad)
        }
    }

    @Test func aFileThatIsNoConfigurationIsSaid() throws {
        let missing = BoardChecks(configuration: "/nowhere/agent.yaml").findings()
        #expect(missing.map(\.verdict) == [.bad] && missing[0].message.contains("cannot be read"))
    }
}
