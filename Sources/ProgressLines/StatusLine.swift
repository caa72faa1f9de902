import Foundation
import Synchronization

/// The line in which a terminal is told what goes on: for how long already, or how much of it is done.
///
/// Time is told by a thread of its own, once a second and after the first: a task that is measured meanwhile reads no
/// clock and writes nothing for it. Whoever else writes to the terminal clears the line before.
public final class StatusLine: Sendable {
    /// That of standard error, and none where standard error is no terminal.
    public static let standardError = StatusLine(isShown: isatty(STDERR_FILENO) == 1) {
        try? FileHandle.standardError.write(contentsOf: Data($0.utf8))
    }

    private struct State {
        var title: String?
        var begun = ContinuousClock.now
        /// How much of it there is, and where it is counted.
        var share: (total: Int, tally: Tally)?
        var isOpen = false
        /// While something is counted, time alone is not told.
        var isCounting = false
    }

    public let isShown: Bool
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    public init(isShown: Bool, write: @escaping @Sendable (String) -> Void) {
        self.isShown = isShown
        self.write = write
    }

    /// What goes on from here on.
    public func begin(_ title: String, at now: ContinuousClock.Instant = .now) {
        guard isShown else { return }
        state.withLock { ($0.title, $0.begun, $0.share) = (title, now, nil) }
    }

    /// What goes on now within a task that has begun; nothing where none has.
    public func goOn(_ title: String, at now: ContinuousClock.Instant = .now) {
        guard isShown else { return }
        state.withLock { if $0.title != nil { ($0.title, $0.begun, $0.share) = (title, now, nil) } }
    }

    /// The same of something that consists of many parts.
    /// - Returns: to be called after each of the parts, by any thread: it counts, and neither reads a clock nor writes.
    public func goOn(
        _ title: String, of total: Int, at now: ContinuousClock.Instant = .now
    ) -> @Sendable () -> Void {
        guard isShown else { return {} }
        let tally = Tally()
        state.withLock { if $0.title != nil { ($0.title, $0.begun, $0.share) = (title, now, (total, tally)) } }
        return { tally.count() }
    }

    /// Says for how long it goes on, from the first second on.
    public func tick(at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            let seconds = state.begun.duration(to: now).components.seconds
            guard let title = state.title, !state.isCounting, seconds >= 1 else { return }
            let share = state.share.map { "\(min($0.tally.counted, $0.total)) of \($0.total), " } ?? ""
            write("\r\(title): \(share)\(seconds) s\u{1B}[K")
            state.isOpen = true
        }
    }

    /// Says how much is done; the last time ends the line.
    func count(_ text: String, isLast: Bool) {
        state.withLock { state in
            write("\r\(text)\u{1B}[K" + (isLast ? "\n" : ""))
            (state.isOpen, state.isCounting) = (!isLast, !isLast)
        }
    }

    /// Before anything else is written to the terminal.
    public func clear() {
        state.withLock { state in
            if state.isOpen { write("\r\u{1B}[K") }
            state.isOpen = false
        }
    }

    public func end() {
        state.withLock { ($0.title, $0.isCounting) = (nil, false) }
        clear()
    }

    private final class Tally: Sendable {
        private let done = Atomic<Int>(0)

        var counted: Int { done.load(ordering: .relaxed) }
        func count() { done.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Ticks every second until it is told to end.
    public func ticking(_ title: String) -> Ticking? {
        guard isShown else { return nil }
        begin(title)
        return Ticking(self)
    }

    public final class Ticking {
        private let line: StatusLine
        private let timer: any DispatchSourceTimer

        fileprivate init(_ line: StatusLine) {
            self.line = line
            timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "status line"))
            timer.setEventHandler { line.tick() }
            timer.schedule(deadline: .now() + 1, repeating: 1)
            timer.resume()
        }

        public func end() {
            timer.cancel()
            line.end()
        }
    }
}
