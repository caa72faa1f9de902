import AgentCore

extension Scenario {
    static let secondsRange = 0.1...3_600.0
    static let rateRange = 0.1...1_000.0
    static let millisecondsRange = 0.001...60_000.0
    /// A load makes no board faster.
    static let slowdownRange = 1...1_000.0
    static let modelLimit = 16
    static let pointLimit = 64
    /// Every frame is kept until its policy's figures and plot are made: sixteen cameras at 30 frames a second for an
    /// hour.
    static let frameLimit = 2_000_000

    /// Reads a scenario; the format is documented in Cluster/Scenarios/README.md.
    /// - Parameter file: names the text in refusals.
    public static func parse(_ text: String, file: String) throws(ScenarioRefusal) -> Scenario {
        let document = try TOMLDocument(text, file: file)
        return try ScenarioReader(file: file).scenario(document.root)
    }
}

/// Walks a document along the form of a scenario and refuses whatever departs from it.
private struct ScenarioReader {
    typealias Table = [String: TOMLValue]

    private static let modelFields = [
        "name", "priority", "framesPerSecond", "arrivals", "constraintMilliseconds", "percentile", "mode",
        "accuracyFloor", "arrivesSeconds", "leavesSeconds", "points", "package", "operatingPoints", "statistics",
    ]

    let file: String

    func scenario(_ root: Table) throws(ScenarioRefusal) -> Scenario {
        try check(root, "", 1, ["name", "seconds", "seed", "jitter", "model", "load"])
        let models = try tables(root, "model")
        // Before what may be missing: a field of the scenario below the first [[model]] is one of the model.
        for (index, entry) in models.enumerated() {
            try check(entry.0, "model[\(index)]", entry.1, Self.modelFields)
        }
        let seconds = try number(root, "seconds", "", 1, within: Scenario.secondsRange)
        guard (1...Scenario.modelLimit).contains(models.count) else {
            throw refusal(1, "model", "give 1 to \(Scenario.modelLimit) models, found \(models.count)")
        }
        var scenario = Scenario(
            name: try text(root, "name", "", 1) ?? "scenario", seconds: seconds,
            seed: UInt64(try whole(root, "seed", "", 1, within: 0...9_000_000_000_000_000, otherwise: 1)),
            jitter: try number(root, "jitter", "", 1, within: 0...0.5, otherwise: 0.03), models: [], loads: [])
        for (index, entry) in models.enumerated() {
            let model = try self.model(entry.0, "model[\(index)]", entry.1, seconds: seconds)
            guard !scenario.models.contains(where: { $0.name == model.name }) else {
                throw refusal(entry.0["name"]?.line ?? entry.1, "model[\(index)].name", "'\(model.name)' is used twice")
            }
            scenario.models.append(model)
        }
        for (index, entry) in try tables(root, "load").enumerated() {
            scenario.loads.append(try load(entry.0, "load[\(index)]", entry.1, seconds: seconds))
        }
        try checkFrames(of: scenario)
        return scenario
    }

    /// A scenario without frames would compare nothing, and too many would not fit into memory.
    private func checkFrames(of scenario: Scenario) throws(ScenarioRefusal) {
        guard scenario.models.indices.contains(where: { ArrivalProcess(scenario, model: $0).next.isFinite }) else {
            throw refusal(
                1, "model",
                "no frame arrives while the models are on the board; let one stay for longer than the time between two")
        }
        guard scenario.meanFrames <= Double(Scenario.frameLimit) else {
            throw refusal(
                1, "seconds",
                "\(Int(scenario.meanFrames)) frames would arrive, more than \(Scenario.frameLimit); shorten the "
                    + "scenario, or lower framesPerSecond")
        }
    }

    private func model(
        _ table: Table, _ path: String, _ line: Int, seconds: Double
    ) throws(ScenarioRefusal) -> Scenario.Model {
        guard let name = try text(table, "name", path, line) else {
            throw refusal(line, "\(path).name", "is missing")
        }
        let arrivals = try text(table, "arrivals", path, line) ?? "periodic"
        guard ["periodic", "poisson"].contains(arrivals) else {
            throw refusal(table["arrivals"]?.line ?? line, "\(path).arrivals", "must be periodic or poisson")
        }
        guard let mode = BoardManager.Mode(rawValue: try text(table, "mode", path, line) ?? "lookUp") else {
            throw refusal(table["mode"]?.line ?? line, "\(path).mode", "must be lookUp or steps")
        }
        let arrives = try number(table, "arrivesSeconds", path, line, within: 0...seconds, otherwise: 0)
        let leaves = try number(table, "leavesSeconds", path, line, within: 0...seconds, otherwise: seconds)
        guard arrives < leaves else {
            throw contradiction(
                table, "leavesSeconds", "arrivesSeconds", path, "the model leaves before it arrives",
                "the model arrives when the scenario ends")
        }
        let priority = try whole(table, "priority", path, line, within: 1...100, otherwise: 10)
        let model = Scenario.Model(
            name: name, priority: priority,
            framesPerSecond: try number(table, "framesPerSecond", path, line, within: Scenario.rateRange),
            arrivals: arrivals == "poisson" ? .poisson : .periodic,
            constraintMilliseconds: try number(
                table, "constraintMilliseconds", path, line, within: Scenario.millisecondsRange),
            percentile: try number(table, "percentile", path, line, within: 50...99.9, otherwise: 95), mode: mode,
            accuracyFloor: table["accuracyFloor"] == nil
                ? nil : try number(table, "accuracyFloor", path, line, within: 0...1),
            arrivesSeconds: arrives, leavesSeconds: leaves,
            points: table["package"] == nil ? try points(table["points"], path, line) : [],
            package: try files(table, path, line))
        try checkFloor(of: model, table, path)
        return model
    }

    /// A floor that no point reaches would bind nothing, and nobody would know. The points of a package are read later.
    private func checkFloor(of model: Scenario.Model, _ table: Table, _ path: String) throws(ScenarioRefusal) {
        guard let value = table["accuracyFloor"], let floor = model.accuracyFloor, let best = model.points.last,
            best.accuracy < floor
        else { return }
        throw refusal(value.line, "\(path).accuracyFloor", "no point reaches it; the highest is \(best.accuracy)")
    }

    private func files(
        _ table: Table, _ path: String, _ line: Int
    ) throws(ScenarioRefusal) -> Scenario.ModelFiles? {
        guard let package = try text(table, "package", path, line) else {
            for key in ["operatingPoints", "statistics"] {
                guard let value = table[key] else { continue }
                throw refusal(value.line, "\(path).\(key)", "says nothing without a package")
            }
            return nil
        }
        if let value = table["points"] {
            throw refusal(value.line, "\(path).points", "give either points or a package")
        }
        guard let points = try text(table, "operatingPoints", path, line) else {
            throw refusal(line, "\(path).operatingPoints", "is missing: the points of the package")
        }
        return Scenario.ModelFiles(
            package: package, operatingPoints: points, statistics: try text(table, "statistics", path, line))
    }

    private func points(_ value: TOMLValue?, _ path: String, _ line: Int) throws(ScenarioRefusal) -> [Scenario.Point] {
        guard case .list(let entries) = value?.kind, (1...Scenario.pointLimit).contains(entries.count) else {
            throw refusal(value?.line ?? line, "\(path).points", "give a list of 1 to \(Scenario.pointLimit) points")
        }
        var points: [Scenario.Point] = []
        for (index, entry) in entries.enumerated() {
            let field = "\(path).points[\(index)]"
            guard case .table(let table) = entry.kind else { throw refusal(entry.line, field, "must be a table") }
            try check(table, field, entry.line, ["accuracy", "latencyMilliseconds"])
            let point = Scenario.Point(
                accuracy: try number(table, "accuracy", field, entry.line, within: 0...1),
                latencyMilliseconds: try number(
                    table, "latencyMilliseconds", field, entry.line, within: Scenario.millisecondsRange))
            if let last = points.last,
                last.accuracy >= point.accuracy || last.latencyMilliseconds >= point.latencyMilliseconds
            {
                throw refusal(entry.line, field, "latency and accuracy must rise from point to point")
            }
            points.append(point)
        }
        return points
    }

    private func load(
        _ table: Table, _ path: String, _ line: Int, seconds: Double
    ) throws(ScenarioRefusal) -> Scenario.Load {
        try check(table, path, line, ["kind", "startSeconds", "endSeconds", "slowdown", "endSlowdown"])
        let start = try number(table, "startSeconds", path, line, within: 0...seconds)
        let end = try number(table, "endSeconds", path, line, within: 0...seconds, otherwise: seconds)
        guard start < end else {
            throw contradiction(
                table, "endSeconds", "startSeconds", path, "the load ends before it starts",
                "the load starts when the scenario ends")
        }
        let slowdown = try number(table, "slowdown", path, line, within: Scenario.slowdownRange)
        guard let kind = Scenario.LoadKind(rawValue: try text(table, "kind", path, line) ?? "competition") else {
            throw refusal(table["kind"]?.line ?? line, "\(path).kind", "must be competition or throttling")
        }
        return Scenario.Load(
            kind: kind, startSeconds: start, endSeconds: end, slowdown: slowdown,
            endSlowdown: try number(
                table, "endSlowdown", path, line, within: Scenario.slowdownRange, otherwise: slowdown))
    }

    private func tables(_ root: Table, _ name: String) throws(ScenarioRefusal) -> [(Table, Int)] {
        guard let value = root[name] else { return [] }
        guard case .list(let entries) = value.kind else {
            throw refusal(value.line, name, "write each as a table of its own, [[\(name)]]")
        }
        var tables: [(Table, Int)] = []
        for entry in entries {
            guard case .table(let table) = entry.kind else {
                throw refusal(entry.line, name, "write each as a table of its own, [[\(name)]]")
            }
            tables.append((table, entry.line))
        }
        return tables
    }

    private func check(_ table: Table, _ path: String, _ line: Int, _ allowed: [String]) throws(ScenarioRefusal) {
        for (key, value) in table.sorted(by: { $0.key < $1.key }) where !allowed.contains(key) {
            throw refusal(
                value.line, path.isEmpty ? key : "\(path).\(key)",
                "there is no such field (allowed: \(allowed.joined(separator: ", ")))")
        }
    }

    private func text(
        _ table: Table, _ key: String, _ path: String, _ line: Int
    ) throws(ScenarioRefusal) -> String? {
        guard let value = table[key] else { return nil }
        let field = path.isEmpty ? key : "\(path).\(key)"
        guard case .text(let text) = value.kind, text.utf8.count <= 128 else {
            throw refusal(value.line, field, "must be a text of at most 128 bytes")
        }
        guard !text.isEmpty else { throw refusal(value.line, field, "is empty") }
        // Names stand in tables and in plots, and XML has no form for these.
        guard
            text.unicodeScalars.allSatisfy({
                $0.properties.generalCategory != .control && !$0.properties.isNoncharacterCodePoint
            })
        else {
            throw refusal(value.line, field, "must have no control characters")
        }
        return text
    }

    private func number(
        _ table: Table, _ key: String, _ path: String, _ line: Int, within range: ClosedRange<Double>,
        otherwise: Double? = nil
    ) throws(ScenarioRefusal) -> Double {
        let field = path.isEmpty ? key : "\(path).\(key)"
        guard let value = table[key] else {
            guard let otherwise else { throw refusal(line, field, "is missing") }
            return otherwise
        }
        guard case .number(let number) = value.kind else { throw refusal(value.line, field, "must be a number") }
        guard range.contains(number) else {
            throw refusal(value.line, field, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    private func whole(
        _ table: Table, _ key: String, _ path: String, _ line: Int, within range: ClosedRange<Int>, otherwise: Int
    ) throws(ScenarioRefusal) -> Int {
        let number = try number(
            table, key, path, line, within: Double(range.lowerBound)...Double(range.upperBound),
            otherwise: Double(otherwise))
        guard let whole = Int(exactly: number) else {
            throw refusal(
                table[key]?.line ?? line, path.isEmpty ? key : "\(path).\(key)",
                "must be a whole number, found \(number)")
        }
        return whole
    }

    /// Two times of a table are the wrong way round. Which of them is wrong nobody knows; the later of the two is
    /// named, or the earlier where the later is not given and is the scenario's end.
    private func contradiction(
        _ table: Table, _ later: String, _ earlier: String, _ path: String, _ reason: String, _ reasonAtEnd: String
    ) -> ScenarioRefusal {
        guard let value = table[later] else {
            return refusal(table[earlier]?.line ?? 1, "\(path).\(earlier)", reasonAtEnd)
        }
        return refusal(value.line, "\(path).\(later)", reason)
    }

    private func refusal(_ line: Int, _ field: String, _ reason: String) -> ScenarioRefusal {
        ScenarioRefusal(file: file, line: line, field: field, reason: reason)
    }
}
