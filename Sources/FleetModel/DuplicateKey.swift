import Yams

/// Where a key stands that a mapping has twice. The parser gives up such a text without a tree, and says line and
/// column only: the text is read again with that key made another of the same length, and the key is looked up in the
/// tree by its place.
enum DuplicateKey {
    /// Keys that are made others before it is given up; each means reading the whole text again.
    static let limit = 16
    /// Keys get letters from here on, which Unicode leaves to private use.
    private static let privateUse: UInt32 = 0xE000
    private static let nameLimit = 64

    /// - Parameter mark: of the key, as the parser of `text` gave it.
    /// - Returns: as in `spec.models[0].priority`; `nil` where it cannot be told.
    static func path(at mark: Mark, in text: String) -> String? {
        var scalars = Array(text.unicodeScalars)
        var (next, originals) = (mark, [Unicode.Scalar: Unicode.Scalar]())
        for attempt in 0..<limit {
            guard let other = Unicode.Scalar(privateUse + UInt32(attempt)),
                let original = replaceKey(at: next, in: &scalars, by: other)
            else { return nil }
            originals[other] = original
            do {
                let found = try documents(scalars).lazy.compactMap { path(of: mark, in: $0) }.first
                return found.map { String(String.UnicodeScalarView($0.unicodeScalars.map { originals[$0] ?? $0 })) }
            } catch {
                // This key a third time, or a mapping around it that has keys twice as well.
                guard case .duplicatedKeysInMapping(_, let context)? = error as? YamlError else { return nil }
                next = context.mark
            }
        }
        return nil
    }

    private static func documents(_ scalars: [Unicode.Scalar]) throws -> [Node] {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        let parser = try Parser(yaml: String(text), resolver: .basic, encoding: .utf8)
        var documents: [Node] = []
        while documents.count <= FleetLimits.policies, let document = try parser.nextRoot() {
            documents.append(document)
        }
        return documents
    }

    /// Gives a key another first letter.
    /// - Returns: the letter that it had; `nil` where none stands there.
    private static func replaceKey(
        at mark: Mark, in scalars: inout [Unicode.Scalar], by other: Unicode.Scalar
    ) -> Unicode.Scalar? {
        guard var place = place(of: mark, in: scalars) else { return nil }
        if scalars[place] == "\"" || scalars[place] == "'" { place += 1 }
        guard scalars.indices.contains(place), scalars[place].properties.isAlphabetic || scalars[place] == "_" else {
            return nil
        }
        defer { scalars[place] = other }
        return scalars[place]
    }

    /// Lines and columns of libYAML, both from 1: columns are counted in scalars.
    private static func place(of mark: Mark, in scalars: [Unicode.Scalar]) -> Int? {
        let breaks: Set<Unicode.Scalar> = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
        var (line, index) = (1, 0)
        while line < mark.line, index < scalars.count {
            let isPair = scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if breaks.contains(scalars[index]) { line += 1 }
            index += isPair ? 2 : 1
        }
        let place = index + mark.column - 1
        return line == mark.line && scalars.indices.contains(place) ? place : nil
    }

    /// The path of the key at that place.
    private static func path(of mark: Mark, in node: Node) -> String? {
        switch node {
        case .mapping(let pairs):
            for (key, value) in pairs {
                guard let name = key.scalar?.string.prefix(nameLimit) else { continue }
                if let place = key.mark, place.line == mark.line, place.column == mark.column { return String(name) }
                guard let rest = path(of: mark, in: value) else { continue }
                return rest.hasPrefix("[") ? name + rest : "\(name).\(rest)"
            }
        case .sequence(let items):
            for (index, item) in items.enumerated() {
                guard let rest = path(of: mark, in: item) else { continue }
                return rest.hasPrefix("[") ? "[\(index)]\(rest)" : "[\(index)].\(rest)"
            }
        case .scalar, .alias: break
        }
        return nil
    }
}
