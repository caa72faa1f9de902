import Foundation

/// One tab, which does what a person does: looks, presses keys and the mouse button.
struct BrowserPage: Sendable {
    private let browser: Chromium
    private let session: String
    private static let patienceMilliseconds = 120_000

    init(in browser: Chromium) async throws {
        self.browser = browser
        let target = try await browser.send("Target.createTarget", ["url": "about:blank"])["targetId"]
        let attached = try await browser.send("Target.attachToTarget", ["targetId": target, "flatten": true])
        guard let session = attached["sessionId"].text else {
            throw Chromium.Failure(description: "a page without a session")
        }
        self.session = session
        for domain in ["Page", "Runtime", "Log", "Network"] { try await send("\(domain).enable") }
    }

    @discardableResult
    private func send(_ method: String, _ parameters: JSON = [:]) async throws -> JSON {
        try await browser.send(method, parameters, session: session)
    }

    /// Leaves the page that is open and opens this one.
    func open(_ address: String) async throws {
        try await send("Page.navigate", ["url": "about:blank"])
        let answer = try await send("Page.navigate", ["url": .text(address)])
        if let reason = answer["errorText"].text { throw Chromium.Failure(description: "\(address): \(reason)") }
    }

    /// The value of a script, of a promise what it is kept with.
    @discardableResult
    func value(of script: String) async throws -> JSON {
        let answer = try await send(
            "Runtime.evaluate", ["expression": .text(script), "awaitPromise": true, "returnByValue": true])
        let failure = answer["exceptionDetails"]
        guard failure == .null else {
            let reason = failure["exception"]["description"].text ?? failure["text"].text ?? "\(failure)"
            throw Chromium.Failure(description: reason)
        }
        return answer["result"]["value"]
    }

    /// Waits until the condition holds; it is looked at whenever the document changes.
    func wait(until condition: String) async throws {
        try await value(
            of: """
                new Promise((kept, broken) => {
                  const holds = () => { try { return Boolean(\(condition)); } catch { return false; } };
                  if (holds()) return kept(true);
                  const observer = new MutationObserver(() => { if (holds()) { observer.disconnect(); kept(true); } });
                  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
                  setTimeout(() => { observer.disconnect(); broken(new Error(
                    "never: " + \(Self.quoted(condition)) + "; at " + location.hash + " the page says: "
                    + document.body.innerText.slice(0, 3000))); }, \(Self.patienceMilliseconds));
                })
                """)
    }

    /// A string as a script writes it.
    static func quoted(_ text: String) -> String {
        let data = try? JSONEncoder().encode([text])
        return String(String(decoding: data ?? Data(), as: UTF8.self).dropFirst().dropLast())
    }

    // MARK: A person's hands

    /// Presses the mouse button over the middle of an element.
    func click(_ selector: String) async throws {
        try await wait(until: "document.querySelector(\(Self.quoted(selector))) !== null")
        let place = try await value(
            of: """
                (() => {
                  const found = document.querySelector(\(Self.quoted(selector)));
                  found.scrollIntoView({ block: "center", behavior: "instant" });
                  const box = found.getBoundingClientRect();
                  return [box.x + box.width / 2, box.y + box.height / 2];
                })()
                """
        ).list
        guard place.count == 2 else { throw Chromium.Failure(description: "\(selector) is nowhere") }
        for type in ["mousePressed", "mouseReleased"] as [JSON] {
            try await send(
                "Input.dispatchMouseEvent",
                ["type": type, "x": place[0], "y": place[1], "button": "left", "clickCount": 1])
        }
    }

    /// - Parameter key: `Tab`, `Enter` or `Escape`.
    func press(_ key: String, isBackward: Bool = false) async throws {
        let codes: [String: JSON] = ["Tab": 9, "Enter": 13, "Escape": 27]
        let modifiers: JSON = isBackward ? 8 : 0
        var down: [String: JSON] = [
            "type": "rawKeyDown", "key": .text(key), "code": .text(key), "windowsVirtualKeyCode": codes[key] ?? 0,
            "modifiers": modifiers,
        ]
        if key == "Enter" { (down["type"], down["text"]) = ("keyDown", "\r") }
        try await send("Input.dispatchKeyEvent", .object(down))
        down["type"] = "keyUp"
        down["text"] = nil
        try await send("Input.dispatchKeyEvent", .object(down))
    }

    /// Into what has the focus.
    func type(_ text: String) async throws { try await send("Input.insertText", ["text": .text(text)]) }

    // MARK: What is seen

    func look(width: Int, isDark: Bool) async throws {
        try await send(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .number(Double(width)), "height": 900, "deviceScaleFactor": 1,
                "mobile": .flag(width < 600),
            ])
        try await send(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
    }

    /// A picture of the page from its top to its end, in the folder for pictures.
    func keepPicture(_ name: String) async throws {
        let size = try await send("Page.getLayoutMetrics")["cssContentSize"]
        let answer = try await send(
            "Page.captureScreenshot",
            [
                "format": "png", "captureBeyondViewport": true,
                "clip": [
                    "x": 0, "y": 0, "width": size["width"],
                    "height": .number(min(size["height"].number ?? 900, 6_000)), "scale": 1,
                ],
            ])
        guard let picture = Data(base64Encoded: answer["data"].text ?? "") else {
            throw Chromium.Failure(description: "no picture of \(name)")
        }
        let folder = Self.pictures
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try picture.write(to: folder.appending(path: name + ".png"))
    }

    /// `SHOAL_SCREENSHOTS`, or a folder beside the build that git does not see.
    static var pictures: URL {
        if let path = ProcessInfo.processInfo.environment["SHOAL_SCREENSHOTS"] { return URL(filePath: path) }
        return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build-screenshots")
    }

    struct Told: Sendable {
        /// Errors and warnings of the console: scripts that threw, what the content security policy refused, files that
        /// are not there.
        var problems: [String] = []
        /// Addresses that the page asked for.
        var addresses: [String] = []
    }

    /// What the page was told since this was asked last.
    func takeTold() -> Told {
        var told = Told()
        for event in browser.takeEvents(of: session) {
            if event.method == "Network.requestWillBeSent" {
                told.addresses.append(event.parameters["request"]["url"].text ?? "")
            } else if let problem = Self.problem(event.method, event.parameters) {
                told.problems.append(problem)
            }
        }
        return told
    }

    private static func problem(_ method: String, _ told: JSON) -> String? {
        switch method {
        case "Runtime.exceptionThrown":
            let details = told["exceptionDetails"]
            return "thrown: " + (details["exception"]["description"].text ?? details["text"].text ?? "?")
        case "Runtime.consoleAPICalled":
            let type = told["type"].text ?? ""
            guard ["error", "warning", "assert"].contains(type) else { return nil }
            return "\(type): " + told["args"].list.compactMap { $0["value"].text }.joined(separator: " ")
        case "Log.entryAdded":
            let entry = told["entry"]
            guard ["error", "warning"].contains(entry["level"].text ?? "") else { return nil }
            return "\(entry["source"].text ?? ""): \(entry["text"].text ?? "") \(entry["url"].text ?? "")"
        default: return nil
        }
    }
}
