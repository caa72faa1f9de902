import Foundation

/// A PostgreSQL server of the tests' own, with a data folder and a Unix socket in a temporary folder and no port. It
/// keeps `fsync` on. A watchdog stops it and removes the folder when the test process ends, however that ends.
///
/// @unchecked because what it keeps of processes is set before anybody else sees it, and only closed afterwards.
public final class PostgreSQLServer: @unchecked Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Why there can be none on this machine, or `nil`.
    public static let obstacle: String? = {
        guard programs != nil else { return "PostgreSQL is not installed (apt: postgresql)" }
        guard geteuid() != 0 || getpwnam(account) != nil else {
            return "PostgreSQL does not run as root, and there is no user \(account)"
        }
        return nil
    }()
    public static var isInstalled: Bool { obstacle == nil }

    /// The one that suites share.
    public static let shared = Task { try await PostgreSQLServer.start() }

    private static let account = "postgres"
    /// Databases that tests have open at a time, so that tests side by side do not open hundreds of sessions.
    private static let gate = Gate(limit: 6)

    /// Debian keeps these out of the path; the newest comes first.
    private static let programs: String? = {
        let base = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
        let folders = versions.compactMap(Int.init).sorted(by: >).map { "\(base)/\($0)/bin" }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (folders + path.split(separator: ":").map(String.init)).first { folder in
            ["initdb", "pg_ctl", "psql"].allSatisfy {
                FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
            }
        }
    }()

    public let folder: String
    private let bin: String
    private let lifeline: Pipe

    private init(folder: String, bin: String, lifeline: Pipe) {
        (self.folder, self.bin, self.lifeline) = (folder, bin, lifeline)
    }

    public static func start() async throws -> PostgreSQLServer {
        guard let bin = programs else { throw Failure(description: obstacle ?? "no PostgreSQL") }
        let server = try await onThread {
            // The path of a socket has about 100 characters.
            let folder = FileManager.default.temporaryDirectory.path + "/pg-\(UInt32.random(in: 0...UInt32.max))"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            if geteuid() == 0, let user = getpwnam(account) {
                guard chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                    throw Failure(description: "\(folder) cannot be given to \(account)")
                }
            }
            let lifeline = Pipe()
            try startWatchdog(
                ["-c", watching, folder]
                    + command(bin + "/pg_ctl", ["-D", folder + "/data", "-m", "immediate", "stop"]),
                reading: lifeline.fileHandleForReading.fileDescriptor)
            try run(
                bin + "/initdb",
                ["-D", folder + "/data", "-U", account, "-A", "trust", "-E", "UTF8", "--locale=C", "-k", "--no-sync"])
            return PostgreSQLServer(folder: folder, bin: bin, lifeline: lifeline)
        }
        try await server.resume()
        return server
    }

    /// Stops the server: `fast` ends its sessions, `immediate` is a crash.
    public func stop(_ mode: String) async throws {
        try await control(["-m", mode, "stop"])
    }

    /// Starts it again after `stop`.
    public func resume() async throws {
        let options = "-c listen_addresses='' -c max_connections=200 -c shared_buffers=32MB -k \(folder)"
        try await control(["-w", "-l", folder + "/log", "-o", options, "start"])
    }

    /// For good.
    public func end() async {
        try? await stop("immediate")
        try? lifeline.fileHandleForWriting.close()
    }

    private func control(_ arguments: [String]) async throws {
        let (bin, folder) = (bin, folder)
        try await Self.onThread { _ = try Self.run(bin + "/pg_ctl", ["-D", folder + "/data"] + arguments) }
    }

    // MARK: Databases

    /// A connection string for the database, over the socket.
    public func address(of database: String) -> String {
        "host=\(folder) port=5432 user=\(Self.account) dbname=\(database)"
    }

    /// Makes an empty database, hands its connection string and name over, and drops it.
    public func withDatabase<Result: Sendable>(
        _ body: (_ address: String, _ name: String) async throws -> Result
    ) async throws -> Result {
        await Self.gate.enter()
        let name = "test\(UInt32.random(in: 0...UInt32.max))"
        do {
            try await query("CREATE DATABASE \(name)")
            let result = try await body(address(of: name), name)
            _ = try? await query("DROP DATABASE \(name) WITH (FORCE)")
            await Self.gate.leave()
            return result
        } catch {
            _ = try? await query("DROP DATABASE \(name) WITH (FORCE)")
            await Self.gate.leave()
            throw error
        }
    }

    /// What psql prints for the statement: rows by line, columns separated by `|`.
    @discardableResult
    public func query(_ sql: String, in database: String = "postgres") async throws -> String {
        let (bin, address) = (bin, address(of: database))
        return try await Self.onThread {
            try Self.run(bin + "/psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, address])
        }
    }

    // MARK: Processes

    /// As the user that PostgreSQL wants to run as.
    private static func command(_ program: String, _ arguments: [String]) -> [String] {
        guard geteuid() == 0 else { return [program] + arguments }
        return ["/usr/bin/setpriv", "--reuid=\(account)", "--regid=\(account)", "--clear-groups", program] + arguments
    }

    /// Runs its arguments without the open files of this process: Foundation takes a process for running as long as
    /// anybody has one of them, and a server that was started would keep it, and the watchdog's lifeline too.
    private static let closingFiles = "(\(closingOwnFiles)\nexec \"$0\" \"$@\"); exit $?"

    private static let closingOwnFiles = """
        for file in /proc/self/fd/*; do
            number=${file##*/}
            if ((number > 2 && number != 255)); then eval "exec $number>&-"; fi
        done
        """

    /// Ends the server and removes its folder once nobody holds the other end of its input.
    private static let watching = closingOwnFiles + "\ntrap '' INT TERM HUP; cat >/dev/null; \"$@\"; rm -rf \"$0\""

    /// Starts bash by hand. A child that is started at the same moment as another has that one's files too, and one
    /// that lives as long as the watchdog must close them, or the other would pass for running; but a child of
    /// Foundation's that closes its files holds up the end of all others.
    private static func startWatchdog(_ arguments: [String], reading descriptor: Int32) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, descriptor, 0)
        for output in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
        }
        var words = (["/bin/bash"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child = pid_t()
        var environment = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { free(environment[0]) }
        let status = posix_spawn(&child, "/bin/bash", &actions, nil, &words, &environment)
        guard status == 0 else { throw Failure(description: "no watchdog: \(String(cString: strerror(status)))") }
    }

    /// Its output goes to a file: a server that it leaves behind would keep a pipe open.
    @discardableResult
    private static func run(_ program: String, _ arguments: [String]) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/pg-output-\(UInt32.random(in: 0...UInt32.max))"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let output = try FileHandle(forWritingTo: URL(filePath: path))
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", closingFiles] + command(program, arguments)
        process.currentDirectoryURL = URL(filePath: "/")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        try output.close()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(program) \(arguments.joined(separator: " ")): \(text)")
        }
        return text.trimmingCharacters(in: .newlines)
    }

    /// Away from the threads that tests share.
    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try body() }) }.start()
        }
    }
}

/// Lets so many in at a time.
actor Gate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(limit: Int) { free = limit }

    func enter() async {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
