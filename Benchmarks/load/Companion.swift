import Foundation
import Synchronization

/// Another of these programs, with boards that this one may not open the files for.
final class Companion {
    /// What it says when all its boards are welcome.
    static let ready = "ready"

    let first: Int
    private var processID: Int32 = 0
    /// What it reads until it is to finish, and what it says.
    private let input: Int32
    private let output: Int32
    private let said = Said()

    init(_ load: FleetLoad, boards: Int, from first: Int) throws {
        self.first = first
        var (down, up) = ([Int32](repeating: -1, count: 2), [Int32](repeating: -1, count: 2))
        guard pipe(&down) == 0, pipe(&up) == 0 else { throw LoadFailure("no pipe can be made") }
        for descriptor in down + up { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, down[0], 0)
        posix_spawn_file_actions_adddup2(&actions, up[1], 1)
        var words = load.companionArguments(boards: boards, from: first).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        let code = posix_spawn(&processID, "/proc/self/exe", &actions, nil, &words, nil)
        close(down[0])
        close(up[1])
        (input, output) = (down[1], up[0])
        guard code == 0 else {
            throw LoadFailure("a second program does not start: \(String(cString: strerror(code)))")
        }
        let thread = Thread { [said, output] in said.collect(from: output) }
        thread.start()
    }

    var isReady: Bool { said.text.contains("\n" + Self.ready) }

    /// Lets it check its boards' records and say what it measured.
    func finish() throws {
        close(input)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        // The last words may still be on their way.
        usleep(100_000)
        let lines = said.text.split(separator: "\n").filter { !$0.hasPrefix(Self.ready) }
        print("The boards from \(first) on, by a program of their own, over the whole run:")
        for line in lines { print("  \(line)") }
        guard status == 0 else {
            throw LoadFailure("the program with the boards from \(first) on ended with \(status)")
        }
    }
}

/// Whether standard input was closed.
final class EndOfInput: Sendable {
    private let reached = Atomic(false)
    var isReached: Bool { reached.load(ordering: .relaxed) }

    init() {
        let thread = Thread { [self] in
            var byte: UInt8 = 0
            while read(0, &byte, 1) > 0 {}
            reached.store(true, ordering: .relaxed)
        }
        thread.start()
    }
}

/// What a program has said so far.
private final class Said: Sendable {
    private let words = Mutex("")
    var text: String { words.withLock { $0 } }

    func collect(from descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            words.withLock { $0 += String(decoding: buffer.prefix(count), as: UTF8.self) }
        }
    }
}
