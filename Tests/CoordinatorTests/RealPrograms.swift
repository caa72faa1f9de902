import AdminAPI
import Foundation
import Testing

/// The built programs as processes, with a coordinator's state in a folder of their own.
struct RealPrograms: Sendable {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let folder: String
    var state: String { folder + "/state" }

    init(in folder: String = FileManager.default.temporaryDirectory.appending(path: "shoal-real-\(UUID())").path())
        throws
    {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// Starts a program beside the tests, or of the last build. What it says on standard error goes to its log.
    /// - Parameter processors: those that it may run on; all that there are without.
    func start(_ program: String, _ arguments: [String], onProcessors processors: String? = nil) throws -> Process {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: program)
        let built = Self.root.appending(path: ".build/release/\(program)")
        let process = Process()
        let executable = FileManager.default.isExecutableFile(atPath: beside.path()) ? beside : built
        process.executableURL = processors == nil ? executable : URL(filePath: "/usr/bin/taskset")
        process.arguments = (processors.map { ["-c", $0, executable.path()] } ?? []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["SHOAL_STATE": state]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        let log = folder + "/\(program).log"
        if !FileManager.default.fileExists(atPath: log) {
            try #require(FileManager.default.createFile(atPath: log, contents: nil))
        }
        let errors = try #require(FileHandle(forWritingAtPath: log))
        try errors.seekToEnd()
        process.standardError = errors
        try process.run()
        return process
    }

    /// Runs `shoal` to its end, which has to be a good one.
    func run(_ arguments: [String]) async throws {
        let process = try start("shoal", arguments)
        try await process.ended()
        let errors = String(
            decoding: FileManager.default.contents(atPath: folder + "/shoal.log") ?? Data(), as: UTF8.self)
        try #require(process.terminationStatus == 0, "shoal \(arguments.joined(separator: " ")): \(errors)")
    }

    /// The exit code of `shoal`.
    func status(_ arguments: [String]) async throws -> Int32 {
        let process = try start("shoal", arguments)
        try await process.ended()
        return process.terminationStatus
    }

    /// A client with the token of that file.
    func client(of file: String) throws -> AdminClient {
        let access = try AdminAccess.load(from: file)
        return AdminClient(base: try #require(URL(string: access.url)), token: access.token, timeout: 120)
    }

    /// - Parameter ports: for boards, for enrolment, for people; 0 is any that is free. Unless given, such that the
    ///   coordinator can be killed and started there again.
    func coordinator(_ ports: [Int]? = nil, more: [String] = []) throws -> Process {
        let ports = try ports ?? [LocalPort.free(), LocalPort.free(), 0]
        return try start(
            "shoal-coordinator",
            [
                "--state", state, "--fleet-port", "\(ports[0])", "--enrolment-port", "\(ports[1])", "--admin-port",
                "\(ports[2])", "--heartbeat", "200",
            ] + more)
    }

    /// A client of the coordinator, once that answers. A test's time limit bounds the wait.
    func client() async throws -> AdminClient {
        while true {
            if let access = try? AdminAccess.load(from: state + "/admin.json"), let url = URL(string: access.url),
                url.port != nil
            {
                let client = AdminClient(base: url, token: access.token, timeout: 120)
                if (try? await client.get("v1/status") as StatusView) != nil { return client }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Where boards find the coordinator: to start it again at the same place.
    func boardPorts() async throws -> [Int] {
        let status: StatusView = try await client().get("v1/status")
        return try [status.fleetEndpoint, status.enrolmentEndpoint].map {
            try #require(Int($0.split(separator: ":").last ?? ""))
        }
    }
}

extension Process {
    /// Waits without a thread of the tests': two waits that hold one each would hold up all of them.
    func ended() async throws { while isRunning { try await Task.sleep(for: .milliseconds(20)) } }

    /// SIGKILL, and the wait for its effect.
    func killed() {
        kill(processIdentifier, SIGKILL)
        waitUntilExit()
    }
}
