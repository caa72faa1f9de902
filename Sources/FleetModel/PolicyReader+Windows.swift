import Yams

extension PolicyReader {
    private static let windowLimit = 16
    private static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    /// Hours that clocks on Earth differ from UTC.
    private static let offsetHours = -12...14

    func windows(_ node: Node, _ field: String) throws(PolicyRefusal) -> [PolicyWindow] {
        guard case .sequence(let items) = node else { throw refusal(node, field, "must be a list") }
        try refuseTag(node, field, unless: .seq)
        guard (1...Self.windowLimit).contains(items.count) else {
            throw refusal(node, field, "has \(items.count) windows, allowed are 1 to \(Self.windowLimit)")
        }
        var windows: [PolicyWindow] = []
        for (index, item) in items.enumerated() { windows.append(try window(item, "\(field)[\(index)]")) }
        return windows
    }

    private func window(_ node: Node, _ path: String) throws(PolicyRefusal) -> PolicyWindow {
        let fields = try mapping(node, path, required: ["from", "to"], optional: ["days", "offset"])
        var offset = 0
        if let node = fields["offset"] { offset = try self.offset(node, "\(path).offset") }
        return PolicyWindow(
            days: try fields["days"].map { node throws(PolicyRefusal) in try days(node, "\(path).days") }
                ?? Array(Self.dayNames.indices),
            fromMinute: try timeOfDay(fields.value("from"), "\(path).from", mayBeTheEnd: false),
            toMinute: try timeOfDay(fields.value("to"), "\(path).to", mayBeTheEnd: true), offsetMinutes: offset)
    }

    private func days(_ node: Node, _ field: String) throws(PolicyRefusal) -> [Int] {
        guard case .sequence(let items) = node, !items.isEmpty else {
            throw refusal(node, field, "must be a list of \(Self.dayNames.joined(separator: ", "))")
        }
        try refuseTag(node, field, unless: .seq)
        var days: Set<Int> = []
        for item in items {
            let name = try text(item, field)
            guard let day = Self.dayNames.firstIndex(of: name) else {
                throw refusal(
                    item, field, "'\(name.prefix(64))' is none of \(Self.dayNames.joined(separator: ", "))")
            }
            guard days.insert(day).inserted else { throw refusal(item, field, "'\(name)' is given twice") }
        }
        return days.sorted()
    }

    /// "08:00"; "24:00" is the end of the day, at which no window begins: the next day's first minute is meant or the
    /// day's own, and nobody can tell.
    private func timeOfDay(_ node: Node, _ field: String, mayBeTheEnd: Bool) throws(PolicyRefusal) -> Int {
        let text = try text(node, field)
        guard let minutes = Self.minutes(text), minutes <= PolicyWindow.minutesPerDay else {
            throw refusal(node, field, "must be a time such as \"08:00\", found '\(text.prefix(64))'")
        }
        guard mayBeTheEnd || minutes < PolicyWindow.minutesPerDay else {
            throw refusal(node, field, "24:00 is the end of the day; say 00:00 and the day that is meant")
        }
        return minutes % PolicyWindow.minutesPerDay
    }

    /// "+01:00".
    private func offset(_ node: Node, _ field: String) throws(PolicyRefusal) -> Int {
        let text = try text(node, field)
        let hours = Self.offsetHours
        guard let sign = text.first, sign == "+" || sign == "-", let minutes = Self.minutes(String(text.dropFirst())),
            (hours.lowerBound * 60...hours.upperBound * 60).contains(sign == "-" ? -minutes : minutes)
        else {
            throw refusal(
                node, field, "must be the hours from UTC such as \"+01:00\", found '\(text.prefix(64))'")
        }
        return sign == "-" ? -minutes : minutes
    }

    /// Two digits, a colon and two digits.
    private static func minutes(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isDigits = { (text: Substring) in text.utf8.allSatisfy { (48...57).contains($0) } }
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && isDigits($0) }),
            let hours = Int(parts[0]), let minutes = Int(parts[1]), hours <= 24, minutes < 60
        else { return nil }
        return 60 * hours + minutes
    }
}
