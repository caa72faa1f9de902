import Foundation
import Messaging
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
