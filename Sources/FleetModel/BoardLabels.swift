extension BoardDescription {
    /// Whether it has the label; `Policy.classLabel` stands for its class where no label is called so.
    public func carries(label key: String, _ value: String) -> Bool {
        (labels[key] ?? (key == Policy.classLabel ? boardClass : nil)) == value
    }

    /// Those of the wanted labels that it does not carry.
    public func missing(of wanted: [String: String]) -> [String: String] {
        wanted.filter { !carries(label: $0.key, $0.value) }
    }
}

extension [String: String] {
    /// Labels as people read them, by key: `site=north, tier=edge`.
    public var labelText: String { sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") }
}
