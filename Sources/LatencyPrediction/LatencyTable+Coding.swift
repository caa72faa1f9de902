/// The JSON form: `{"boardClass", "processor", "engineVersion", "unit": "ms", "resolutions": {"160": ROWS}}` with rows
/// `{KEY: {"count", "mean", "std"}}`, exactly one of Dynamic-OFA's files. The engine's version may be missing.
extension LatencyTable: Codable {
    private enum Key: String, CodingKey { case boardClass, processor, engineVersion, unit, resolutions }

    /// Throws a `DecodingError`, or a `LatencyRefusal` for what `add` refuses.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let unit = try container.decode(String.self, forKey: .unit)
        guard unit == "ms" else { throw LatencyRefusal.unknownUnit(unit) }
        self.init(
            source: Source(
                boardClass: try container.decode(String.self, forKey: .boardClass),
                processor: try container.decode(String.self, forKey: .processor),
                engineVersion: try container.decodeIfPresent(String.self, forKey: .engineVersion)))
        let rows = try container.decode([Int: [String: Entry]].self, forKey: .resolutions)
        for (resolution, entries) in rows.sorted(by: { $0.key < $1.key }) {
            try add(entries, resolution: resolution)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(source.boardClass, forKey: .boardClass)
        try container.encode(source.processor, forKey: .processor)
        try container.encodeIfPresent(source.engineVersion, forKey: .engineVersion)
        try container.encode("ms", forKey: .unit)
        try container.encode(entries, forKey: .resolutions)
    }
}
