import Yams

/// Reads search jobs from YAML, as strictly as `PolicyFile` does policies:
///
///     apiVersion: shoal/v1
///     kind: Search
///     metadata: { name: classifier-edge }
///     spec:
///       model: classifier
///       boardClass: jetson-nano              # those of the latency table
///       processor: cpu
///       space: ofa-mbv3                      # or /path/of/a/supernet.shoal
///       accuracyPredictor: /srv/shoal/accuracy.json
///       latencyTable: /srv/shoal/jetson-nano.json
///       constraints:                         # each one or more of the three
///         - { latencyMilliseconds: 20 }
///         - { latencyMilliseconds: 30, flops: 400000000, memoryBytes: 33554432 }
///       accuracyFloor: 0.75                  # optional
///       seed: 1                              # optional, 1
///       generations: 100                     # optional, 100
///       verificationTable: /srv/shoal/held.json    # optional: measured, but not what is searched by
public enum SearchFile {
    /// Whether the text's first document says that it is a search; anything else is left to other readers.
    public static func isSearch(_ text: String) -> Bool {
        let documents = try? PolicyFile.documents(text, file: "")
        return documents?.first?["kind"]?.string == "Search"
    }

    /// Reads the one job in `text`.
    /// - Parameter file: names the text in refusals.
    public static func parse(_ text: String, file: String) throws(PolicyRefusal) -> SearchJob {
        let documents = try PolicyFile.documents(text, file: file)
        guard documents.count == 1, let document = documents.first else {
            throw PolicyFile.several(documents, "search", file: file)
        }
        return try PolicyReader(file: file).search(document)
    }
}

extension PolicyReader {
    private static let costRange = 0.0...1e18

    func search(_ document: Node) throws(PolicyRefusal) -> SearchJob {
        let fields = try mapping(document, "search", required: ["apiVersion", "kind", "metadata", "spec"])
        for (name, expected) in [("apiVersion", "shoal/v1"), ("kind", "Search")] {
            let found = try text(fields.value(name), name)
            guard found == expected else {
                throw refusal(fields.value(name), name, "must be \(expected), found '\(found.prefix(64))'")
            }
        }
        let metadata = try mapping(fields.value("metadata"), "metadata", required: ["name"])
        let spec = try mapping(
            fields.value("spec"), "spec",
            required: [
                "model", "boardClass", "processor", "space", "accuracyPredictor", "latencyTable", "constraints",
            ], optional: ["accuracyFloor", "seed", "generations", "verificationTable"])
        return SearchJob(
            name: try resourceName(metadata.value("name"), "metadata.name"),
            model: try resourceName(spec.value("model"), "spec.model"),
            boardClass: try line(spec.value("boardClass"), "spec.boardClass"),
            processor: try line(spec.value("processor"), "spec.processor"),
            space: try space(spec.value("space"), "spec.space"),
            accuracyPredictor: try path(spec.value("accuracyPredictor"), "spec.accuracyPredictor"),
            latencyTable: try path(spec.value("latencyTable"), "spec.latencyTable"),
            constraints: try constraints(spec.value("constraints"), "spec.constraints"),
            accuracyFloor: try optionalNumber(spec["accuracyFloor"], "spec.accuracyFloor", within: 0...1),
            seed: UInt64(try optionalInteger(spec["seed"], "spec.seed", within: 0...(1 << 53)) ?? 1),
            generations: try optionalInteger(
                spec["generations"], "spec.generations", within: 1...FleetLimits.searchGenerations) ?? 100,
            verificationTable: try optionalPath(spec["verificationTable"], "spec.verificationTable"))
    }

    private func constraints(_ node: Node, _ field: String) throws(PolicyRefusal) -> [SearchJob.Constraint] {
        guard case .sequence(let items) = node else { throw refusal(node, field, "must be a list") }
        try refuseTag(node, field, unless: .seq)
        guard (1...FleetLimits.constraintsPerSearch).contains(items.count) else {
            throw refusal(
                node, field,
                "has \(items.count) constraints, allowed are 1 to \(FleetLimits.constraintsPerSearch)")
        }
        var constraints: [SearchJob.Constraint] = []
        for (index, item) in items.enumerated() {
            let path = "\(field)[\(index)]"
            let fields = try mapping(
                item, path, required: [], optional: ["latencyMilliseconds", "flops", "memoryBytes"])
            let constraint = SearchJob.Constraint(
                latencyMilliseconds: try positive(fields["latencyMilliseconds"], "\(path).latencyMilliseconds"),
                flops: try positive(fields["flops"], "\(path).flops"),
                memoryBytes: try positive(fields["memoryBytes"], "\(path).memoryBytes"))
            guard constraint != SearchJob.Constraint() else {
                throw refusal(item, path, "needs latencyMilliseconds, flops or memoryBytes")
            }
            constraints.append(constraint)
        }
        return constraints
    }

    private func positive(_ node: Node?, _ field: String) throws(PolicyRefusal) -> Double? {
        guard let node, let value = try optionalNumber(node, field, within: Self.costRange) else { return nil }
        guard value > 0 else { throw refusal(node, field, "must be greater than 0") }
        return value
    }

    private func optionalInteger(
        _ node: Node?, _ field: String, within range: ClosedRange<Int>
    ) throws(PolicyRefusal) -> Int? {
        guard let node else { return nil }
        return try integer(node, field, within: range)
    }

    private func line(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let text = try text(node, field)
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard !text.isEmpty, text.utf8.count <= FleetLimits.textBytes, isPlain else {
            throw refusal(node, field, "must have 1 to \(FleetLimits.textBytes) bytes without control characters")
        }
        return text
    }

    private func optionalPath(_ node: Node?, _ field: String) throws(PolicyRefusal) -> String? {
        guard let node else { return nil }
        return try path(node, field)
    }

    private func path(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let path = try line(node, field)
        guard path.hasPrefix("/") else {
            throw refusal(node, field, "must be a path on the coordinator's machine that begins with /")
        }
        return path
    }

    private func space(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let name = try line(node, field)
        return name == "ofa-mbv3" ? name : try path(node, field)
    }
}
