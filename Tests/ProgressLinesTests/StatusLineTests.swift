import ProgressLines
import Synchronization
import Testing

@Suite struct StatusLineTests {
    private final class Screen: Sendable {
        private let written = Mutex<[String]>([])

        var texts: [String] { written.withLock(\.self) }
        func add(_ text: String) { written.withLock { $0.append(text) } }
    }

    private let screen = Screen()
    private let start = ContinuousClock.now

    private func line(isShown: Bool = true) -> StatusLine {
        let screen = screen
        return StatusLine(isShown: isShown) { screen.add($0) }
    }

    @Test func timeIsToldFromTheFirstSecondOn() {
        let line = line()
        line.begin("running", at: start)
        line.tick(at: start + .milliseconds(900))
        #expect(screen.texts.isEmpty)

        line.tick(at: start + .milliseconds(2_100))
        #expect(screen.texts == ["\rrunning: 2 s\u{1B}[K"])
        line.goOn("writing", at: start + .seconds(3))
        line.tick(at: start + .seconds(7))
        #expect(screen.texts.last == "\rwriting: 4 s\u{1B}[K")
    }

    @Test func whatConsistsOfPartsIsToldWithTheirNumber() {
        let line = line()
        line.begin("reading", at: start)
        let done = line.goOn("running", of: 3, at: start)
        line.tick(at: start + .seconds(1))
        done()
        done()
        line.tick(at: start + .seconds(2))
        line.goOn("writing", at: start + .seconds(3))
        done()
        line.tick(at: start + .seconds(5))
        #expect(
            screen.texts == [
                "\rrunning: 0 of 3, 1 s\u{1B}[K", "\rrunning: 2 of 3, 2 s\u{1B}[K", "\rwriting: 2 s\u{1B}[K",
            ])
    }

    @Test func theLineIsClearedOnceAndOnlyWhereThereIsOne() {
        let line = line()
        line.clear()
        line.begin("running", at: start)
        line.clear()
        #expect(screen.texts.isEmpty)

        line.tick(at: start + .seconds(1))
        line.end()
        line.end()
        line.tick(at: start + .seconds(9))
        line.goOn("late", at: start)
        line.tick(at: start + .seconds(9))
        #expect(screen.texts == ["\rrunning: 1 s\u{1B}[K", "\r\u{1B}[K"])
    }

    @Test func whatIsCountedTakesTheLine() {
        let line = line()
        line.begin("calibrating", at: start)
        let progress = Progress("Subnets", total: 4, on: line, at: start)
        progress.update(1, at: start + .milliseconds(400))
        progress.update(2, at: start + .seconds(6))
        line.tick(at: start + .seconds(7))
        progress.update(4, at: start + .seconds(8))
        #expect(
            screen.texts == ["\rSubnets: 2 of 4, 6 s left\u{1B}[K", "\rSubnets: 4 of 4, 0 s left\u{1B}[K\n"])
        line.tick(at: start + .seconds(9))
        #expect(screen.texts.last == "\rcalibrating: 9 s\u{1B}[K")
    }

    @Test func nothingIsToldToFiles() {
        let line = line(isShown: false)
        #expect(line.ticking("running") === nil)
        line.begin("running", at: start)
        line.tick(at: start + .seconds(5))
        Progress("Subnets", total: 1, on: line, at: start).update(1, at: start + .seconds(5))
        line.end()
        #expect(screen.texts.isEmpty)
    }
}
