public import FleetModel
public import Foundation

extension ParetoTable {
    /// Reads a table of points (JSON) and refuses what no subnet can have, and points that do not rise.
    public static func read(_ data: Data) throws(TableRefusal) -> ParetoTable {
        let table: ParetoTable
        do { table = try JSONDecoder().decode(ParetoTable.self, from: data) } catch {
            throw TableRefusal("is no table of points: \(reason(error, data))")
        }
        try table.validate()
        return table
    }

    private static func reason(_ error: any Error, _ data: Data) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            let path = keys.reduce("") { $0 + ($1.intValue.map { "[\($0)]" } ?? ".\($1.stringValue)") }
            return path.isEmpty ? "" : path.dropFirst() + ": "
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context): return "\(path(context.codingPath + [key]))is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return path(context.codingPath) + context.debugDescription
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            return path(context.codingPath) + context.debugDescription
        default:
            // The decoder says of a number that its type cannot hold that the text is no JSON, and not where it is.
            guard let root = try? JSONSerialization.jsonObject(with: data) else { return "is not JSON" }
            return wholeNumberFault(in: root, "", key: "") ?? "cannot be read"
        }
    }

    private static let wholeFields: Set = [
        "seed", "flops", "threads", "memoryBytes", "resolution", "depths", "kernelSizes", "expandRatios",
    ]

    /// The first field, in the order of names and places, whose whole number is none or is out of all bounds.
    private static func wholeNumberFault(in value: Any, _ path: String, key: String) -> String? {
        switch value {
        case let fields as [String: Any]:
            return fields.sorted { $0.key < $1.key }.lazy.compactMap { name, field in
                wholeNumberFault(in: field, path.isEmpty ? name : "\(path).\(name)", key: name)
            }.first
        case let items as [Any]:
            return items.enumerated().lazy.compactMap { wholeNumberFault(in: $1, "\(path)[\($0)]", key: key) }.first
        case let number as NSNumber where wholeFields.contains(key):
            let isUnsigned = key == "memoryBytes" || key == "seed"
            guard isUnsigned ? UInt64(exactly: number) == nil : Int(exactly: number) == nil else { return nil }
            let range =
                switch key {
                case "seed": "0 to \(UInt64.max)"
                case "memoryBytes": "0 to \(Int64.max)"
                default: "\(Int.min) to \(Int.max)"
                }
            return "\(path): \(number) is no whole number from \(range)"
        default: return nil
        }
    }
}
