extension String {
    /// The text as it may stand in a message: control characters replaced and the length bounded, because names
    /// in a file are chosen by whoever wrote it.
    package var printable: String { printable(atMost: 120) }

    /// - Parameter limit: scalars.
    package func printable(atMost limit: Int) -> String {
        let safe = unicodeScalars.prefix(limit).map { scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                ? "?" : String(scalar)
        }
        return safe.joined() + (unicodeScalars.dropFirst(limit).isEmpty ? "" : "…")
    }
}
