import AdminAPI
import FleetModel
import Foundation
import HookSharing
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

    /// Sizes are binary as on the command line, long names are whole in their titles, and a coordinator that is gone is
    /// told in a sentence.
    @Test func figuresNamesAndSilenceAreToldPlainly() async throws {
        let found = try await value(
            of: """
                (async () => {
                  const { boardLink, bytes } = await import("./elements.js");
                  const { get } = await import("./coordinator.js");
                  globalThis.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
                  const said = await get("v1/policies").catch((failure) => failure.message);
                  return [bytes(1023), bytes(3 * 2 ** 30), bytes(512 * 2 ** 20), boardLink("edge").title, said];
                })()
                """)
        #expect(
            found == [
                "1023 B", "3.0 GiB", "512 MiB", "edge",
                "The coordinator does not answer. Is it running, and reachable from here?",
            ])
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

    /// What the parts of a page say of these values, as the interface encodes them.
    private func text(of part: String, in file: String, _ value: some Encodable) async throws -> String {
        let json = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        return try #require(
            try await self.value(
                of: """
                    (async () => {
                      const { \(part) } = await import("./\(file)");
                      const main = document.getElementById("main");
                      main.replaceChildren(\(part)(\(json)));
                      return main.innerText + [...main.querySelectorAll(".steps li")].map((one) => one.className);
                    })()
                    """
            ).text)
    }

    @Test func sharedGatesAreShownWithTheirStage() async throws {
        let boards = try (1...4).map { try #require(BoardID("board-\($0)")) }
        func version(_ number: UInt64, isTakenBack: Bool = false) -> HooksView.Version {
            HooksView.Version(
                number: number, parent: number - 1, isTakenBack: isTakenBack, atMilliseconds: 1_000, samples: 4_321,
                boards: boards.map {
                    .init(
                        board: $0, samples: 9, baseVersion: 0, weight: 0.25, length: 1, cosine: 0.5,
                        exclusion: $0 == boards[3] ? "points nowhere" : nil)
                }, validators: ["board-1"], lossChange: -0.125, gates: [])
        }
        var trial = VersionTrial(
            version: 3, before: 1, groups: [[boards[0]], [boards[1]], [boards[2], boards[3]]])
        trial.current = 1
        let group = SharingGroup(
            boardClass: "<b>pi</b>", modelSHA256: String(repeating: "1", count: 64),
            hookSHA256: String(repeating: "2", count: 64))
        let view = HooksView(
            group: group, parameters: 1_153, currentVersion: 3, candidate: nil,
            boards: ["board-1": 3, "board-2": 1, "board-3": 1, "board-4": 1], waiting: ["board-2"],
            outliers: [.init(board: "board-4", version: 1, reason: "points nowhere, as noise does")],
            versions: [version(1), version(2, isTakenBack: true), version(3)], awaited: 4, withstands: 1,
            trial: trial)

        let text = try await text(of: "groupPart", in: "hooks.js", view)

        for wanted in [
            "Shared gates of <b>pi</b>", "on trial, group 2 of 3", "taken back", "earlier", "4321", "-12.5",
            "board-4 was named at version 1: points nowhere, as noise does", "1 of 1 use it", "0 of 2 use it",
            "passed,current,waiting", "1 of 4 updates for the next merge, which withstands 1 bad",
        ] { #expect(text.contains(wanted), "\(wanted) in \(text)") }
        var settled = view
        settled.trial = nil
        let after = try await self.text(of: "groupPart", in: "hooks.js", settled)
        #expect(after.contains("on all boards") && !after.contains("on trial"))
    }

    @Test func whatAClassBorrowsIsShown() async throws {
        var view = LatencyPredictorView(
            name: "new/m", boardClass: "new", model: "m", boards: ["x"], engineVersions: ["1"], basis: "FLOPs")
        view.transfer = LatencyTransferView(
            isUsed: true, measured: 12, wanted: 20,
            sources: [
                .init(
                    boardClass: "old-a76", engineVersion: "2", boards: ["y", "z"], weight: 0.75, shared: 9,
                    measurements: 30, spread: 0.031)
            ], relativeMargin: 0.083, statedCoverage: 0.9, checked: 8, within: 7, coverage: 0.875, spearman: 0.991,
            medianRelativeError: 0.02, refusal: nil, checks: [])
        let text = try await text(of: "transferPart", in: "predictors.js", view)
        for wanted in ["old-a76", "0.75", "3.1", "±8.3 %", "7 of 8 within", "88", "below", "12 of 20", "used"] {
            #expect(text.contains(wanted), "\(wanted) in \(text)")
        }
        view.transfer?.refusal = "three subnets are too few"
        let refused = try await self.text(of: "transferPart", in: "predictors.js", view)
        #expect(refused.contains("three subnets are too few") && !refused.contains("within"))
    }

    @Test func aBoardThatIsNotLearnedFromIsMarked() async throws {
        struct Marked: Encodable { var quarantine: BoardView.Quarantine }
        let marked = Marked(quarantine: .init(reason: "takes 1000 times <i>", sinceMilliseconds: 1_000))
        let text = try await text(of: "quarantineNote", in: "board.js", marked)
        #expect(text.contains("Nothing is learned from it since 1970-01-01") && text.contains("takes 1000 times <i>"))
    }
}
