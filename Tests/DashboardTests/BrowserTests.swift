import AdminAPI
import AuditLog
import FleetModel
import Foundation
import Testing

/// The page in a real browser, over a real coordinator with boards that measure.
@Suite(
    .serialized, .timeLimit(.minutes(15)),
    .enabled(if: Chromium.path != nil, "needs chromium, which Cluster/install installs"))
struct BrowserTests {
    /// A view, and what shows that all of it is there.
    struct View: Sendable {
        var name: String
        var hash: String
        var isThere: String
    }

    private static func rows(_ table: String) -> String {
        "document.querySelectorAll('table[aria-label=\"\(table)\"] tbody tr[data-key]').length"
    }

    private static let text = "document.getElementById('main').innerText"

    /// How many parts of the view's plots have that selector.
    private static func marks(_ selector: String) -> String {
        "document.querySelectorAll('main svg \(selector)').length"
    }

    static let views: [View] = [
        View(name: "fleet", hash: "", isThere: "\(rows("Boards")) === 3 && \(rows("Models")) === 6"),
        // Four plots of each of two models and four of the board.
        View(name: "board", hash: "board/kitchen-2", isThere: "\(marks("path.line")) >= 12"),
        View(name: "models", hash: "models", isThere: "\(rows("Models")) === 4"),
        View(name: "model", hash: "model/classifier", isThere: "\(marks(".dot")) === 12"),
        View(name: "rollouts", hash: "rollouts", isThere: "\(rows("Rollouts")) === 3"),
        View(name: "rollout", hash: "rollout/kitchen-45", isThere: "\(text).includes('p99Ratio')"),
        View(
            name: "rollout-returned", hash: "rollout/hall-30",
            isThere: "\(text).includes('violated') && \(text).includes('stopped')"),
        View(
            name: "predictors", hash: "predictors",
            isThere: "\(rows("Predictors")) === 4 && \(text).includes('Shared gates of arm64-a76-2c')"),
        View(
            name: "predictor", hash: "predictor/arm64-a76-2c%2Fclassifier",
            isThere: "\(marks(".dot")) === \(rows("Samples")) && \(rows("Samples")) > 4"),
        View(name: "policies", hash: "policies", isThere: "document.querySelectorAll('main details').length === 2"),
        View(name: "events", hash: "events", isThere: "\(rows("Events")) > 8"),
        View(
            name: "audit", hash: "audit",
            isThere: "\(text).includes('The chain is whole') && \(rows("Audit log")) > 6"),
    ]

    private func withPage(
        as role: AccessRole = .admin, _ body: @escaping @Sendable (RunningFleet, BrowserPage) async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadExecutor.shared) {
            try await RunningFleet.with { fleet in
                let browser = try Chromium(in: fleet.folder)
                defer { browser.stop() }
                let page = try await BrowserPage(in: browser)
                try await page.look(width: 1_280, isDark: false)
                let token = try #require(fleet.tokens[role])
                try await page.open("\(fleet.address.absoluteString)/#token=\(token)/")
                try await page.wait(until: Self.views[0].isThere)
                try await body(fleet, page)
            }
        }
    }

    private func go(to hash: String, _ page: BrowserPage, until condition: String) async throws {
        try await page.value(of: "location.hash = '#/\(hash)'")
        try await page.wait(until: "location.hash === '#/\(hash)' && \(condition)")
    }

    /// All views, on a desk in the light and in the dark, and on a phone: without an error, without anything from
    /// elsewhere, without anything pushed aside, and all that is written can be read.
    @Test func everyViewShowsTheFleetInEveryForm() async throws {
        try await withPage { fleet, page in
            // The token is out of the address, and nothing of the fleet was taken for markup.
            #expect(try await page.value(of: "location.href").text == "\(fleet.address.absoluteString)/#/")
            #expect(try await page.value(of: "document.querySelector('main img')") == .null)
            #expect(try await page.value(of: "\(Self.text).includes('note=<img src=x onerror=alert(1)>')") == true)
            for (form, width, isDark) in [("light", 1_280, false), ("dark", 1_280, true), ("phone", 390, false)] {
                try await page.look(width: width, isDark: isDark)
                for view in Self.views {
                    try await go(to: view.hash, page, until: view.isThere)
                    try await page.keepPicture("\(view.name)-\(form)")
                    let wide = try await page.value(of: "document.documentElement.scrollWidth").number ?? 0
                    #expect(wide <= Double(width), "\(view.name), \(form)")
                    let faint = try await page.value(of: Contrast.script).list.compactMap(\.text)
                    #expect(faint.isEmpty, "\(view.name), \(form): \(faint.joined(separator: "; "))")
                }
            }
            let told = page.takeTold()
            #expect(told.problems.isEmpty, "\(told.problems)")
            for asked in ["app.js", "icon.svg", "v1/live", "v1/telemetry", "v1/predictors", "v1/audit"] {
                #expect(told.addresses.contains { $0.contains("/\(asked)") }, "\(asked)")
            }
            let elsewhere = told.addresses.filter {
                !$0.hasPrefix(fleet.address.absoluteString + "/") && $0 != "about:blank"
            }
            #expect(elsewhere.isEmpty, "\(elsewhere)")
        }
    }

    /// Figures on the page are those of the interface.
    @Test func figuresAreThoseOfTheInterface() async throws {
        try await withPage { fleet, page in
            let predictors: [LatencyPredictorView] = try await fleet.client.get("v1/predictors")
            try await go(to: "predictors", page, until: Self.views[7].isThere)
            let dots = try await page.value(of: Self.marks(".dot")).number
            #expect(dots == Double(predictors.map(\.samples.count).reduce(0, +)) && dots ?? 0 > 20)
            let crosses = try await page.value(of: Self.marks(".dot.cross")).number
            #expect(crosses == Double(predictors.flatMap(\.samples).count { !$0.isWithinMargin }))

            let audit: [AuditEntry] = try await fleet.client.get("v1/audit", query: ["limit": "100"])
            try await go(to: "audit", page, until: "\(Self.rows("Audit log")) === \(audit.count)")
            let first = try await page.value(
                of: "document.querySelector('table[aria-label=\"Audit log\"] tbody tr').dataset.key"
            ).text
            #expect(first == audit.last.map { "\($0.number)" })
            // A filter narrows it, and the next drawing keeps what was typed.
            try await page.click("#audit-filter")
            try await page.type("hall-50")
            let matching = audit.count { "\($0)".contains("hall-50") }
            try await page.wait(until: "\(Self.rows("Audit log")) === \(matching)")
            #expect(matching > 0 && matching < audit.count)

            // The page lives: newer windows come by themselves.
            try await go(to: "board/hall-1", page, until: Self.views[1].isThere)
            let newest = try await page.value(of: "document.querySelector('.facts > div:last-child dd').innerText").text
            try await page.wait(
                until: "document.querySelector('.facts > div:last-child dd').innerText !== '\(newest ?? "")'")
            #expect(page.takeTold().problems.isEmpty)
        }
    }

    /// By the mouse it is paused with a reason, by the keyboard alone it goes on.
    @Test func aRolloutIsPausedAndResumed() async throws {
        try await withPage(as: .operator) { fleet, page in
            try await go(to: "rollout/kitchen-45", page, until: "document.querySelector('[data-verb=pause]') !== null")
            // Approval is an administrator's.
            try await go(to: "rollout/hall-50", page, until: "document.querySelector('[data-verb=abort]') !== null")
            #expect(try await page.value(of: "document.querySelector('[data-verb=approve]')") == .null)
            try await go(to: "rollout/kitchen-45", page, until: "document.querySelector('[data-verb=pause]') !== null")

            try await page.click("[data-verb=pause]")
            try await page.wait(until: "document.activeElement.id === 'reason'")
            try await page.type("people are cooking")
            try await page.keepPicture("rollout-question")
            try await page.click("dialog button[type=submit]")
            try await page.wait(until: "document.querySelector('dialog') === null")
            try await page.wait(until: "\(Self.text).includes('people are cooking')")
            try await page.wait(until: "document.querySelector('[data-verb=resume]') !== null")
            let paused: [RolloutView] = try await fleet.client.get("v1/rollouts")
            #expect(paused.first { $0.name == "kitchen-45" }?.status == "paused")

            try await page.value(of: "document.querySelector('[data-verb=resume]').focus()")
            try await page.press("Enter")
            try await page.wait(until: "document.activeElement.id === 'reason'")
            try await page.press("Enter")
            try await page.wait(until: "document.querySelector('[data-verb=pause]') !== null")
            let resumed: [RolloutView] = try await fleet.client.get("v1/rollouts")
            #expect(resumed.first { $0.name == "kitchen-45" }?.status == "running")
            // A question that is left changes nothing.
            try await page.click("[data-verb=abort]")
            try await page.wait(until: "document.activeElement.id === 'reason'")
            try await page.press("Escape")
            try await page.wait(until: "document.querySelector('dialog') === null")

            let audit: [AuditEntry] = try await fleet.client.get("v1/audit", query: ["limit": "100"])
            let own = audit.filter { $0.actor == "test-operator" }
            #expect(own.map(\.action) == ["rolloutPaused", "rolloutResumed"])
            #expect(own.first?.after?.contains("people are cooking") == true)
            #expect(page.takeTold().problems.isEmpty)
        }
    }

    /// A viewer is offered nothing that viewers may not do, and is refused when asking all the same.
    @Test func aViewerOnlyLooks() async throws {
        try await withPage(as: .viewer) { fleet, page in
            let pages = try await page.value(of: "document.getElementById('pages').innerText").text ?? ""
            #expect(pages.contains("Rollouts") && !pages.contains("Audit"))
            for name in ["kitchen-45", "hall-50"] {
                try await go(to: "rollout/\(name)", page, until: "\(Self.text).includes('Group 1')")
                #expect(try await page.value(of: "document.querySelectorAll('main button').length").number == 0)
            }
            try await page.keepPicture("rollout-viewer")
            try await go(to: "policies", page, until: "document.getElementById('preview') !== null")
            #expect(try await page.value(of: "document.getElementById('apply')") == .null)
            try await go(to: "audit", page, until: "\(Self.text).includes('needs the role operator')")
            #expect(page.takeTold().problems.isEmpty)

            let refused = """
                Promise.all(["pause", "resume", "abort", "approve"].map((verb) =>
                  fetch("v1/rollouts/kitchen-45/" + verb, { method: "POST", body: "{}",
                    headers: { Authorization: "Bearer " + sessionStorage.getItem("shoal-token") } })
                  .then((response) => response.status)))
                """
            #expect(try await page.value(of: refused) == [403, 403, 403, 403])
            let after: [RolloutView] = try await fleet.client.get("v1/rollouts")
            #expect(after.first { $0.name == "kitchen-45" }?.status == "running")
        }
    }

    /// What would change is shown board by board, and nothing changes before it is applied.
    @Test func aPolicyIsSeenBeforeItIsApplied() async throws {
        try await withPage(as: .operator) { fleet, page in
            try await go(to: "policies", page, until: Self.views[9].isThere)
            let write = "document.getElementById('policy').value = ''; document.getElementById('policy').focus()"
            try await page.value(of: write)
            try await page.type("kind: Nonsense")
            try await page.click("#preview")
            try await page.wait(until: "document.querySelector('.note.bad') !== null")
            #expect(try await page.value(of: "document.getElementById('apply').disabled") == true)

            _ = page.takeTold()
            try await page.value(of: write)
            try await page.type(RunningFleet.policy("spare", room: "hall", milliseconds: 35))
            try await page.click("#preview")
            try await page.wait(until: "document.getElementById('changes') !== null")
            // The policy hall stands before it in the alphabet and rules the boards of the hall.
            #expect(try await page.value(of: "\(Self.text).includes('changes what 0 do')") == true)

            try await page.value(of: write)
            try await page.type(RunningFleet.policy("kitchen", room: "kitchen", milliseconds: 44))
            try await page.click("#preview")
            try await page.wait(until: "\(Self.text).includes('cannot be applied now: rollout kitchen-45 is running')")
            #expect(try await page.value(of: "document.getElementById('apply').disabled") == true)

            try await page.value(of: write)
            try await page.type(RunningFleet.policy("a-spare", room: "hall", milliseconds: 35))
            try await page.wait(until: "\(Self.text).includes('The text was changed since')")
            #expect(try await page.value(of: "document.getElementById('apply').disabled") == true)
            try await page.click("#preview")
            try await page.wait(until: "\(Self.text).includes('changes what 1 do')")
            #expect(try await page.value(of: Self.rows("What would change")).number == 2)
            try await page.keepPicture("policies-preview")
            let before: [PolicyView] = try await fleet.client.get("v1/policies")
            #expect(before.count == 2)

            try await page.click("#apply")
            try await page.wait(until: "document.getElementById('applied') !== null")
            try await page.wait(until: "document.querySelectorAll('main details').length === 3")
            let after: [PolicyView] = try await fleet.client.get("v1/policies")
            #expect(after.first { $0.name == "a-spare" }?.boards == ["hall-1"])
            try await fleet.wait("v1/assignments") { (all: [AssignmentView]) in
                all.first { $0.board == "hall-1" }?.models.first?.constraintMilliseconds == 35
            }
            #expect(page.takeTold().problems.isEmpty)
        }
    }

    /// From the top, the key for the next element reaches everything that can be pressed or typed into, the way past
    /// the head of the page first, and where the focus is can be seen.
    @Test func everythingIsReachedByTheKeyboard() async throws {
        try await withPage { _, page in
            for view in [Self.views[0], Self.views[5], Self.views[9]] {
                try await go(to: view.hash, page, until: view.isThere)
                let script = """
                    (() => {
                      document.body.setAttribute("tabindex", "-1");
                      document.body.focus();
                      document.body.removeAttribute("tabindex");
                      const all = "a[href], button:not([disabled]), input, select, textarea, summary";
                      return [...document.querySelectorAll(all)].filter((one) => one.checkVisibility())
                        .map((one) => one.textContent + one.id);
                    })()
                    """
                var left = Set(try await page.value(of: script).list.compactMap(\.text))
                #expect(left.count > 10)
                try await page.press("Tab")
                #expect(try await page.value(of: "document.activeElement.className").text == "skip")
                for _ in 0..<200 where !left.isEmpty {
                    let seen = try await page.value(
                        of: """
                            (() => {
                              const one = document.activeElement;
                              const { outlineStyle, outlineWidth } = getComputedStyle(one);
                              return [one.textContent + one.id, outlineStyle !== "none" && outlineWidth !== "0px"];
                            })()
                            """
                    ).list
                    if let name = seen.first?.text, left.remove(name) != nil {
                        #expect(seen.last?.flag == true, "\(view.name): \(name)")
                    }
                    try await page.press("Tab")
                }
                #expect(left.isEmpty, "\(view.name): \(left)")
            }
        }
    }

    /// A wrong token is said to be one, and the right one is asked for.
    @Test func withoutATokenNothingIsShown() async throws {
        try await withPage { fleet, page in
            try await page.click("#leave")
            try await page.wait(until: "document.getElementById('token') !== null")
            #expect(try await page.value(of: "document.body.innerText.includes('kitchen')") == false)
            #expect(try await page.value(of: "sessionStorage.length").number == 0)
            try await page.keepPicture("token")
            try await page.click("#token")
            try await page.type("wrong")
            try await page.press("Enter")
            try await page.wait(until: "\(Self.text).includes('missing or wrong')")
            try await page.click("#token")
            try await page.type(try #require(fleet.tokens[.viewer]))
            try await page.press("Enter")
            try await page.wait(until: Self.views[0].isThere)
        }
    }
}

/// Text against what stands behind it, by WCAG 2.2 (1.4.3): 4.5, and 3 for large text.
private enum Contrast {
    /// Gives the texts that are too faint.
    static let script = """
        (() => {
          const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
          const behind = (node) => {
            for (let at = node; at; at = at.parentElement) {
              const colour = parts(getComputedStyle(at).backgroundColor);
              if (colour.length < 4 || colour[3] === 1) return colour;
            }
            return [255, 255, 255];
          };
          const found = new Set();
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const node = walker.currentNode.parentElement, style = getComputedStyle(node);
            if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
            if (node.closest("noscript, title, option")) continue;
            const colour = node instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [light(parts(colour)), light(behind(node))].sort((x, y) => y - x);
            const size = parseFloat(style.fontSize), isLarge = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
            if ((a + 0.05) / (b + 0.05) < (isLarge ? 3 : 4.5)) found.add(
              node.tagName + "." + node.getAttribute("class") + " " + walker.currentNode.data.trim().slice(0, 40));
          }
          return [...found];
        })()
        """
}
