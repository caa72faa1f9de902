import FleetModel
import Foundation
import Hummingbird
import ServingHarness
import Testing

@testable import Dashboard

/// How the page draws over an older drawing, in a real browser and without a coordinator.
@Suite(
    .serialized, .timeLimit(.minutes(15)),
    .enabled(if: Chromium.path != nil, "needs chromium, which Cluster/install installs"))
struct DrawingTests {
    /// Runs the script in the page, which has no token.
    private func value(of script: String) async throws -> JSON {
        try await withTaskExecutorPreference(ThreadExecutor.shared) {
            let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-drawing-\(UUID())").path()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let browser = try Chromium(in: folder)
            defer { browser.stop() }
            let page = try await BrowserPage(in: browser)
            let router = Router(context: BasicRequestContext.self)
            Dashboard.add(to: router)
            let (answers, answer) = AsyncStream<JSON>.makeStream()
            try await serving({ onBound in
                Application(
                    router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                    onServerRunning: { await onBound($0.localAddress?.port ?? 0) })
            }) { url in
                try await page.open(url.absoluteString + "/")
                try await page.wait(until: "document.getElementById('token') !== null")
                answer.yield(try await page.value(of: script))
            }
            answer.finish()
            for await found in answers { return found }
            throw Chromium.Failure(description: "no answer")
        }
    }

    /// Random trees over random trees: what is there afterwards is what was asked for, and nodes with a name that
    /// stay are the same nodes as before.
    @Test func aNewDrawingIsWholeAndKeepsNamedNodes() async throws {
        let seed = UInt32.random(in: 1...UInt32(Int32.max))
        let faults = try await value(
            of: """
                (async () => {
                  const { element, redraw } = await import("./elements.js");
                  let state = \(seed);
                  const random = (below) => {
                    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
                    return Math.floor(state / 4294967296 * below);
                  };
                  const leaf = () => random(2) ? "t" + random(5) : node(0, null);
                  const node = (depth, key) => element(["div", "p", "ul"][random(3)], {
                    class: random(2) ? "c" + random(3) : null, title: random(3) ? null : "x" + random(9),
                    onclick: random(4) ? null : () => {}, "data-key": key,
                  }, depth > 0 ? list(depth - 1) : []);
                  const list = (depth) => {
                    const keys = [0, 1, 2, 3, 4, 5].filter(() => random(2)).sort(() => random(3) - 1);
                    return [...keys.map((key) => node(depth, "k" + key)), ...Array.from({ length: random(4) }, leaf)]
                      .sort(() => random(3) - 1);
                  };
                  const parent = document.createElement("div"), faults = [];
                  for (let round = 0; round < 2000; round++) {
                    const holder = element("div", {}, list(2)), wanted = holder.cloneNode(true);
                    const before = new Map([...parent.children].map((one) => [one.dataset.key, one]));
                    const fresh = [...holder.childNodes];
                    const same = fresh.filter((one) => one.dataset?.key && before.has(one.dataset.key))
                      .map((one) => [one, before.get(one.dataset.key)])
                      .filter(([one, old]) => old.nodeName === one.nodeName && !old.handlers === !one.handlers)
                      .map(([, old]) => old);
                    redraw(parent, fresh);
                    if (!parent.isEqualNode(wanted))
                      faults.push(`round ${round}: ${parent.innerHTML} for ${wanted.innerHTML}`);
                    if (!same.every((one) => one.parentNode === parent)) faults.push(`round ${round}: a node was lost`);
                  }
                  return faults.slice(0, 3);
                })()
                """)
        #expect(faults == [], "seed \(seed)")
    }

    /// What is typed, chosen or opened stays, and what is done on an event is the newest.
    @Test func whatAPersonDidStays() async throws {
        let found = try await value(
            of: """
                (async () => {
                  const { element, redraw } = await import("./elements.js");
                  const parent = document.getElementById("main"), pressed = [];
                  const draw = (round) => redraw(parent, [
                    element("input", { id: "typed", value: "" }),
                    element("details", { open: false }, element("summary", {}, "more"), "all " + round),
                    element("button", { onclick: () => pressed.push(round) }, "press " + round),
                  ]);
                  draw(1);
                  const [typed, details, button] = parent.children;
                  typed.focus();
                  typed.value = "kitchen";
                  details.open = true;
                  draw(2);
                  button.click();
                  return [document.activeElement === typed, typed.value, details.open, details.lastChild.data, pressed];
                })()
                """)
        #expect(found == [true, "kitchen", true, "all 2", [2]])
    }

    /// Marks stand at round numbers, none outside, and not too many.
    @Test func marksAreRound() async throws {
        let found = try await value(
            of: """
                import("./plots.js").then(({ ticks }) => [
                  ticks(0, 10), ticks(0, 1).map((mark) => mark.toFixed(6)), ticks(0.93, 1.07).length, ticks(3, 3),
                  ticks(0, 123456).every((mark) => mark >= 0 && mark <= 123456 && mark % 50000 === 0),
                ])
                """)
        #expect(
            found == [
                [0, 2, 4, 6, 8, 10], ["0.000000", "0.200000", "0.400000", "0.600000", "0.800000", "1.000000"], 3, [3],
                true,
            ])
    }
}
