/// Why a latency table or a calibration cannot be used.
public enum LatencyRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// The table has no row for an operator that a subnet needs.
    case missingEntry(key: String, resolution: Int)
    /// A row's figure is not a duration.
    case invalidEntry(key: String, resolution: Int, reason: String)
    /// The two tables were measured on different hardware; their rows must not be added up.
    case differentSource(expected: LatencyTable.Source, found: LatencyTable.Source)
    case tooManyEntries(resolution: Int, limit: Int)
    case tooManyResolutions(limit: Int)
    case unknownUnit(String)
    /// Measurements from which nothing can be fitted.
    case unusableSamples(String)

    public var description: String {
        switch self {
        case .missingEntry(let key, let resolution):
            "latency table, resolution \(resolution): no entry \(key)"
        case .invalidEntry(let key, let resolution, let reason):
            "latency table, resolution \(resolution), entry \(key): \(reason)"
        case .differentSource(let expected, let found):
            "latency table: entries of \(found) cannot join those of \(expected)"
        case .tooManyEntries(let resolution, let limit):
            "latency table, resolution \(resolution): more than \(limit) entries"
        case .tooManyResolutions(let limit):
            "latency table: more than \(limit) resolutions"
        case .unknownUnit(let unit):
            "latency table: unit \(unit) is not ms"
        case .unusableSamples(let reason):
            "latency calibration: \(reason)"
        }
    }
}
