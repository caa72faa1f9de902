import FleetModel

/// What a value from a peer must satisfy before anything else sees it. `field` names the value in the refusal.
enum Checks {
    /// Text that is safe to show: at most `limit` bytes and no control characters.
    static func text(
        _ text: String, _ field: String, limit: Int = FleetLimits.textBytes, mayBeEmpty: Bool = false
    ) throws(DecodingFailure) -> String {
        guard text.utf8.count <= limit else { throw .limitExceeded(field: field, limit: limit) }
        guard mayBeEmpty || !text.isEmpty else { throw .malformed(field: field) }
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw .malformed(field: field)
        }
        return text
    }

    static func board(_ text: String, _ field: String) throws(DecodingFailure) -> BoardID {
        guard let board = BoardID(text) else { throw .malformed(field: field) }
        return board
    }

    static func model(_ text: String, _ field: String) throws(DecodingFailure) -> ModelName {
        guard let model = ModelName(text) else { throw .malformed(field: field) }
        return model
    }

    static func count(_ count: Int, _ field: String, limit: Int) throws(DecodingFailure) {
        guard count <= limit else { throw .limitExceeded(field: field, limit: limit) }
    }

    /// NaN and the infinities are outside of every range here.
    static func number(
        _ value: Double, _ field: String, in range: ClosedRange<Double> = 0...Double.greatestFiniteMagnitude
    ) throws(DecodingFailure) -> Double {
        guard range.contains(value) else { throw .malformed(field: field) }
        return value
    }

    static func positive(_ value: Double, _ field: String) throws(DecodingFailure) -> Double {
        try number(value, field, in: Double.leastNonzeroMagnitude...Double.greatestFiniteMagnitude)
    }

    static func integer(_ value: Int64, _ field: String, in range: ClosedRange<Int>) throws(DecodingFailure) -> Int {
        guard let integer = Int(exactly: value), range.contains(integer) else { throw .malformed(field: field) }
        return integer
    }

    /// Counters stay within what signed 64-bit columns and readers hold.
    static func counter(
        _ value: UInt64, _ field: String, from lowest: UInt64 = 0
    ) throws(DecodingFailure) -> UInt64 {
        guard value >= lowest, value <= UInt64(Int64.max) else { throw .malformed(field: field) }
        return value
    }

    static func distinct(_ values: some Sequence<some Hashable>, _ field: String) throws(DecodingFailure) {
        var seen: Set<AnyHashable> = []
        for value in values where !seen.insert(AnyHashable(value)).inserted { throw .malformed(field: field) }
    }
}
