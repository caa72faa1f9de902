import Yams

/// Reads policies from YAML (and so from JSON, which YAML contains):
///
///     apiVersion: shoal/v1
///     kind: Policy
///     metadata: { name: default }
///     spec:
///       selector: { tier: edge }             # optional; without it every board
///       models:
///         - model: classifier
///           latency: { milliseconds: 25, percentile: 99 }
///           accuracyFloor: 0.90              # optional
///           priority: 10
///
/// Version 2 (`apiVersion: shoal/v2`) adds, all optional:
///
///     spec:
///       windows: [{ days: [mon, fri], from: "22:00", to: "06:00", offset: "+01:00" }]   # else not in force
///       switchesPerMinute: 30              # of each model's point, on average; a fall is never put off
///       reserve: { cpu: 0.1, memoryBytes: 268435456, watts: 1 }   # what the models leave free
///       models:
///         - model: classifier
///           latency: { milliseconds: 25 }    # percentile 95 unless given
///           priority: 10                     # 10 unless given
///           cpuShare: 0.5                    # at most half of the board's CPU time
///           memoryBytes: 67108864            # at most
///           energyMillijoules: 40            # per frame, at most
///
/// Everything is checked against that form; there are no other defaults. Anchors and aliases
/// are refused before the parser sees them, because nested aliases grow exponentially ("billion laughs"); so are
/// explicit tags, which could change what a value means.
public enum PolicyFile {
    /// Reads the one policy in `text`.
    /// - Parameter file: names the text in refusals.
    public static func parse(_ text: String, file: String) throws(PolicyRefusal) -> Policy {
        let policies = try parseAll(text, file: file)
        guard policies.count == 1, let policy = policies.first else {
            throw several(try documents(text, file: file), "policy", file: file)
        }
        return policy
    }

    /// Why a file that is to hold one document is refused, at the line where the second begins.
    static func several(_ documents: [Node], _ kind: String, file: String) -> PolicyRefusal {
        guard documents.count > 1 else {
            return PolicyRefusal(
                file: file, line: 1, field: kind, reason: "expected one \(kind), found \(documents.count)")
        }
        return PolicyRefusal(
            file: file, line: documents[1].mark?.line ?? 1, field: kind,
            reason: "expected one \(kind), found \(documents.count), of which the second begins here; give each a file "
                + "of its own")
    }

    /// Reads every policy in `text`, which separates them by `---`; at least one, no two of one name.
    public static func parseAll(_ text: String, file: String) throws(PolicyRefusal) -> [Policy] {
        let reader = PolicyReader(file: file)
        var policies: [Policy] = []
        var names: Set<String> = []
        for document in try documents(text, file: file) {
            let policy = try reader.policy(document)
            guard names.insert(policy.name).inserted else {
                throw reader.refusal(document, "metadata.name", "the name '\(policy.name)' is used twice")
            }
            policies.append(policy)
        }
        guard !policies.isEmpty else {
            throw PolicyRefusal(file: file, line: 1, field: "policy", reason: "the file has no document")
        }
        return policies
    }

    /// Where a finding's field stands in the document that names the policy, from line 1; `nil` when it is not there.
    public static func line(of field: String, policy: String, in text: String) -> Int? {
        let documents = (try? documents(text, file: "")) ?? []
        guard let document = documents.first(where: { $0["metadata"]?["name"]?.string == policy }) else { return nil }
        var node: Node? = document
        for part in field.split(separator: ".") {
            let pieces = part.split(separator: "[")
            node = pieces.first.flatMap { node?[String($0)] }
            if pieces.count == 2, let index = Int(pieces[1].dropLast()) {
                guard let items = node?.sequence, items.indices.contains(index) else { return nil }
                node = items[index]
            }
        }
        return node?.mark?.line
    }

    static func documents(_ text: String, file: String) throws(PolicyRefusal) -> [Node] {
        guard text.utf8.count <= FleetLimits.policyBytes else {
            throw PolicyRefusal(
                file: file, line: 1, field: "policy",
                reason: "\(text.utf8.count) bytes are more than the \(FleetLimits.policyBytes) a policy file may have")
        }
        if let line = lineOfReference(text) {
            throw PolicyRefusal(
                file: file, line: line, field: "policy",
                reason: "anchors (&name) and aliases (*name) are not allowed in a policy file, not even in comments")
        }
        do {
            // The basic resolver guesses no types: `PolicyReader` decides what a plain scalar is.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            var documents: [Node] = []
            while let document = try parser.nextRoot() {
                documents.append(document)
                guard documents.count <= FleetLimits.policies else {
                    throw PolicyRefusal(
                        file: file, line: document.mark?.line ?? 1, field: "policy",
                        reason: "more than \(FleetLimits.policies) documents")
                }
            }
            return documents
        } catch let refusal as PolicyRefusal {
            throw refusal
        } catch {
            throw refusal(of: error, text, file: file)
        }
    }

    private static func refusal(of error: any Error, _ text: String, file: String) -> PolicyRefusal {
        let (line, reason): (Int, String) =
            switch error as? YamlError {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                (mark.line, "not YAML: \(problem)")
            case .duplicatedKeysInMapping(let duplicates, let context):
                (context.mark.line, "a field is given twice: \(duplicates.sorted().joined(separator: ", "))")
            case .reader(let problem, _, _, _): (1, "not YAML: \(problem)")
            default: (1, "not YAML: \(error)")
            }
        var field: String?
        if case .duplicatedKeysInMapping(_, let context)? = error as? YamlError {
            field = DuplicateKey.path(at: context.mark, in: text)
        }
        return PolicyRefusal(file: file, line: line, field: field ?? "policy", reason: reason)
    }

    /// The first line with what libYAML could read as an anchor or an alias: `&` or `*` before a name, not directly
    /// after a letter, digit or quote (there it can only be inside a scalar or an error).
    static func lineOfReference(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        var line = 1
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            guard bytes[index] == UInt8(ascii: "&") || bytes[index] == UInt8(ascii: "*") else { continue }
            let before = index == 0 ? UInt8(ascii: " ") : bytes[index - 1]
            let after = index + 1 == bytes.count ? UInt8(ascii: " ") : bytes[index + 1]
            let isInside = isWord(before) || before == UInt8(ascii: "\"") || before == UInt8(ascii: "'")
            let startsName = isWord(after) || after == UInt8(ascii: "-") || after == UInt8(ascii: "_")
            if !isInside && startsName { return line }
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
