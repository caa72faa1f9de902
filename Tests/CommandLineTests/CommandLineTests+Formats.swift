import Foundation
import Testing

extension CommandLineTests {
    /// The same fields in all commands, and none of them by its own means.
    @Test func resultsAreGivenInYAMLToo() throws {
        let findings = try shoal(["check", "--format", "yaml"])
        #expect(findings.status == 0 && findings.output.hasPrefix("- check: clock\n"), "\(findings)")
        let checked = try JSONSerialization.jsonObject(
            with: Data(try shoal(["check", "--format", "json"]).output.utf8))
        let names = try #require(checked as? [[String: Any]]).flatMap(\.keys)
        let fields = findings.output.split(separator: "\n").compactMap { line in
            line.dropFirst(2).split(separator: ":").first.map(String.init)
        }
        #expect(fields.sorted() == names.sorted())
    }

    /// A secret that nobody can write down is not asked for, and no file is left of one that was not given.
    @Test(arguments: [["board", "enrol"], ["token", "create", "a", "--role", "viewer"]])
    func secretsTakeNewFilesOnly(arguments: [String]) throws {
        let access = Data(#"{"url": "http://127.0.0.1:1", "token": "x"}"#.utf8)
        #expect(
            FileManager.default.createFile(
                atPath: folder + "/s.json", contents: access, attributes: [.posixPermissions: 0o600]))
        let refused = try shoal(arguments + ["--output", "a.json", "--state", "s.json"])
        #expect(refused.status == 4, "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/a.json"))
        try write("a.json", "mine")
        let taken = try shoal(arguments + ["--output", "a.json", "--state", "s.json"])
        #expect(taken.status == 6 && taken.errors.contains("exists already"), "\(taken.errors)")
        #expect(FileManager.default.contents(atPath: folder + "/a.json") == Data("mine".utf8))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func shellsAreToldTheCommands(shell: String) throws {
        let script = try shoal(["--generate-completion-script", shell])
        #expect(script.status == 0 && script.output.contains("artefact") && script.output.contains("yaml"))
        #expect(try shoal(["--help"]).output.contains("--generate-completion-script"))
    }

    @Test(arguments: [
        (["get", "boards", "--board", "a"], "--board: goes with telemetry, not with boards"),
        (["get", "models", "--model", "a"], "--model"), (["get", "events", "--since", "1"], "telemetry, audit"),
        (["get", "audit", "--selector", "a=b"], "boards, models, assignments"),
        (["describe", "board", "a", "--plot", "a.svg"], "--plot: goes with predictor"),
        (["describe", "board", "a", "--table", "a.json"], "--table: goes with search"),
    ])
    func optionsOfOtherNounsAreRefused(arguments: [String], sentence: String) throws {
        let outcome = try shoal(arguments + ["--state", "missing"])
        #expect(outcome.status == 64 && outcome.errors.contains(sentence), "\(outcome)")
    }

    /// A terminal of 72 columns: tables keep to it, and what is no terminal gets them whole.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/ptmx"), "there are no terminals"))
    func tablesKeepToTheTerminal() throws {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        defer { close(master) }
        var (lock, number) = (Int32(0), Int32(-1))
        // TIOCSPTLCK and TIOCGPTN: unlocked, and its number.
        try #require(master >= 0 && ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
        let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(terminal >= 0)
        var size = winsize(ws_row: 24, ws_col: 72, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
        try importExample()

        let whole = try shoal(["bench", "f.shoal", "--repeat", "2"])
        let handle = FileHandle(fileDescriptor: terminal, closeOnDealloc: true)
        let shown = try shoal(["bench", "f.shoal", "--repeat", "2"], output: handle)
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(master, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        #expect(shown.status == 0 && shown.errors.isEmpty, "\(shown)")
        #expect(lines.count == 2 && lines.allSatisfy { $0.count <= 72 } && lines[1].hasSuffix("…"), "\(lines)")
        #expect(!whole.output.contains("…") && whole.output.split(separator: "\n").contains { $0.count > 72 })
        #expect(whole.errors.isEmpty, "\(whole)")
    }

    @Test(arguments: [
        ["token", "create", "a", "--role", "viewer", "--output", "a.json"], ["token", "revoke", "a"],
        ["board", "enrol", "--output", "b"], ["board", "revoke", "a"], ["artefact", "rotate-key"],
        ["get", "boards", "-l", "tier=edge"], ["board", "rotate-key", "-l", "tier=edge"],
    ])
    func everyCommandTakesEveryFormat(arguments: [String]) throws {
        for format in ["table", "json", "yaml"] {
            let outcome = try shoal(arguments + ["--format", format, "--state", "missing"])
            #expect(outcome.status == 4 && outcome.errors.contains("missing"), "\(outcome)")
        }
        #expect(try shoal(arguments + ["--format", "xml", "--state", "missing"]).status == 64)
    }
}
