import Foundation
import Glibc
import Synchronization

/// A real browser without a window, spoken to in the DevTools protocol over two pipes: each message is JSON that ends
/// with a zero byte, read by the browser from descriptor 3 and written to descriptor 4. It ends with its pipes.
final class Chromium: Sendable {
    /// The browser of this machine; `nil` where there is none.
    static let path: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return ["chromium", "chromium-browser", "google-chrome"].lazy
            .flatMap { name in folders.map { "\($0)/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What a page was told without asking.
    struct Event: Sendable {
        var session: String
        var method: String
        var parameters: JSON
    }

    private struct State {
        var last = 0
        var waiting: [Int: CheckedContinuation<JSON, any Error>] = [:]
        var events: [Event] = []
        var isGone = false
    }

    private struct Request: Encodable {
        var id: Int
        var method: String
        var params: JSON
        var sessionId: String?
    }

    private let state = Mutex(State())
    private let writing = Mutex(())
    private let process: pid_t
    private let input: Int32
    private let output: Int32

    /// - Parameter folder: for what a browser keeps, and its log.
    init(in folder: String) throws {
        guard let path = Self.path else { throw Failure(description: "no chromium is installed") }
        // A browser that has died is an error of ours, and no signal.
        signal(SIGPIPE, SIG_IGN)
        let (requests, answers) = (try Self.pipe(), try Self.pipe())
        (input, output) = (requests.write, answers.read)
        defer {
            close(requests.read)
            close(answers.write)
        }
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--hide-scrollbars", "--user-data-dir=\(folder)/browser", "about:blank",
        ]
        process = try Self.spawn(
            path, arguments, descriptors: [3: requests.read, 4: answers.write], log: folder + "/browser.log")
        let thread = Thread { [weak self, output] in Self.read(output) { self?.received($0) } }
        thread.name = "browser"
        thread.start()
    }

    /// Ends it and all its processes.
    func stop() {
        close(input)
        kill(-process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    /// Does as the protocol's method says and returns its result.
    func send(_ method: String, _ parameters: JSON = [:], session: String? = nil) async throws -> JSON {
        try await withCheckedThrowingContinuation { continuation in
            let id: Int? = state.withLock { state in
                guard !state.isGone else { return nil }
                state.last += 1
                state.waiting[state.last] = continuation
                return state.last
            }
            guard let id else { return continuation.resume(throwing: Failure(description: "the browser is gone")) }
            let request = Request(id: id, method: method, params: parameters, sessionId: session)
            let bytes = ((try? JSONEncoder().encode(request)) ?? Data()) + [0]
            // The reader notices a browser that does not take it.
            writing.withLock { _ in Self.write(Array(bytes), to: input) }
        }
    }

    /// What a page was told since this was asked last.
    func takeEvents(of session: String) -> [Event] {
        state.withLock { state in
            let found = state.events.filter { $0.session == session }
            state.events.removeAll { $0.session == session }
            return found
        }
    }

    /// - Parameter message: `nil` at the end of the pipe.
    private func received(_ message: JSON?) {
        guard let message else {
            let waiting = state.withLock { state in
                state.isGone = true
                defer { state.waiting = [:] }
                return Array(state.waiting.values)
            }
            for continuation in waiting { continuation.resume(throwing: Failure(description: "the browser ended")) }
            return
        }
        guard let id = message["id"].number else {
            let event = Event(
                session: message["sessionId"].text ?? "", method: message["method"].text ?? "",
                parameters: message["params"])
            return state.withLock { $0.events.append(event) }
        }
        let continuation = state.withLock { $0.waiting.removeValue(forKey: Int(id)) }
        if let reason = message["error"]["message"].text {
            continuation?.resume(throwing: Failure(description: reason))
        } else {
            continuation?.resume(returning: message["result"])
        }
    }
}

// MARK: Processes and pipes

extension Chromium {
    /// Above the descriptors that the browser expects, and not inherited by other processes.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(errno)") }
        let raised = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
        for end in ends { close(end) }
        guard raised.allSatisfy({ $0 >= 10 }) else { throw Failure(description: "no pipe: \(errno)") }
        return (raised[0], raised[1])
    }

    /// In a group of its own.
    private static func spawn(
        _ path: String, _ arguments: [String], descriptors: [Int32: Int32], log: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in descriptors {
            posix_spawn_file_actions_adddup2(&actions, descriptor, number)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + environment { free(word) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, path, &actions, &attributes, words, environment)
        guard status == 0 else { throw Failure(description: "\(path) does not start: \(status)") }
        return process
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Tells of every message, and `nil` at the end; then closes the pipe.
    private static func read(_ descriptor: Int32, _ tell: (JSON?) -> Void) {
        var gathered: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            for part in buffer[..<count].split(separator: 0, maxSplits: .max, omittingEmptySubsequences: false)
                .enumerated()
            {
                if part.offset > 0 {
                    if let message = try? JSONDecoder().decode(JSON.self, from: Data(gathered)) { tell(message) }
                    gathered = []
                }
                gathered += part.element
            }
        }
        tell(nil)
        close(descriptor)
    }
}
