import Foundation
import Testing

@Suite struct SystemdTests {
    private static let analyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    /// The highest exposure that is accepted, of 100.
    private static let exposure = 25

    static let units = ["shoal-coordinator", "shoal-agent"]

    /// A copy that names the built program, under the unit's own name.
    private func withUnit(_ name: String, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/units-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let text = try Deploy.text("Systemd/\(name).service")
        let command = "ExecStart=/usr/bin/\(name) "
        try #require(text.contains(command))
        let path = folder + "/\(name).service"
        try text.replacing(command, with: "ExecStart=\(Deploy.program(name)) ").write(
            toFile: path, atomically: false, encoding: .utf8)
        try body(path)
    }

    @Test(.enabled(if: analyze != nil, "needs systemd-analyze (apt: systemd)"), arguments: units)
    func systemdUnderstandsTheUnit(name: String) throws {
        try withUnit(name) { path in
            let verified = try Deploy.run(try #require(Self.analyze), ["verify", "--man=no", path])
            // What it says of other units of this machine is not of this one.
            let lines = verified.text.split(separator: "\n").filter { $0.contains(name) }
            #expect(lines.isEmpty, "\(verified.text)")
        }
    }

    @Test(.enabled(if: analyze != nil, "needs systemd-analyze (apt: systemd)"), arguments: units)
    func theUnitExposesLittle(name: String) throws {
        try withUnit(name) { path in
            let outcome = try Deploy.run(
                try #require(Self.analyze),
                ["security", "--offline=yes", "--no-pager", "--threshold=\(Self.exposure)", path])
            #expect(outcome.status == 0, "\(outcome.text)")
            #expect(outcome.text.contains("Overall exposure level"), "\(outcome.text)")
        }
    }

    /// Options in the unit and in its examples are the program's.
    @Test func theProgramKnowsItsOptions() throws {
        let known = try Deploy.options(of: "shoal-coordinator", ["serve"])
            .union(Deploy.options(of: "shoal-agent", []))
        for name in Self.units {
            let named = try Deploy.text("Systemd/\(name).service").matches(of: /[ =](--[a-z-]+)/).map {
                String($0.output.1)
            }
            #expect(!named.isEmpty)
            for option in named { #expect(known.contains(option), "\(name): \(option)") }
        }
    }
}
