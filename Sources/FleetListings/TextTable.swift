/// Columns of text, aligned; numbers to the right.
public struct TextTable: Sendable {
    private var rows: [[String]]

    public init(_ header: [String]) { rows = [header] }

    public init<Value>(_ value: Value, _ listing: FleetListing<Value>) {
        rows = [listing.header] + listing.rows(value)
    }

    public mutating func add(_ row: [String]) { rows.append(row) }

    /// - Parameter width: characters of a line. Where the table is wider, its widest columns of text are cut, to what
    ///   their heads need at least, and end in "…"; columns of numbers stay. `nil` cuts nothing.
    public func text(width: Int?) -> String {
        let widths = widths(within: width ?? .max)
        return rows.map { row in
            row.enumerated().map { column, cell in
                let cell = cell.count > widths[column] ? cell.prefix(widths[column] - 1) + "…" : cell
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return Self.isNumber(cell) ? padding + cell : cell + padding
            }.joined(separator: "  ").trimmingTrailingSpaces
        }.joined(separator: "\n")
    }

    private static let leastCutWidth = 8
    private static let gap = 2

    private func widths(within limit: Int) -> [Int] {
        let columns = rows[0].indices
        var widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let texts = columns.filter { column in rows.dropFirst().contains { !Self.isNumber($0[column]) } }
        var excess = widths.reduce(Self.gap * (columns.count - 1), +) - limit
        while excess > 0 {
            let shrinkable = texts.filter { widths[$0] > max(Self.leastCutWidth, rows[0][$0].count) }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private static func isNumber(_ cell: String) -> Bool { cell.first.map { $0.isNumber || $0 == "-" } ?? false }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}
