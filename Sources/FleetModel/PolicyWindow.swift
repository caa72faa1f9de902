/// Times of the week in which a policy is in force.
public struct PolicyWindow: Equatable, Codable, Sendable {
    public static let minutesPerDay = 1_440

    /// Days on which it begins, 0 is Monday; rising.
    public var days: [Int]
    /// Minutes after midnight; one that ends no later than it begins ends on the next day.
    public var fromMinute: Int
    public var toMinute: Int
    /// Of the clock that the window is read by, east of UTC.
    public var offsetMinutes: Int

    public init(days: [Int], fromMinute: Int, toMinute: Int, offsetMinutes: Int = 0) {
        self.days = days
        self.fromMinute = fromMinute
        self.toMinute = toMinute
        self.offsetMinutes = offsetMinutes
    }

    public func contains(secondsSince1970 seconds: Int64) -> Bool {
        let minute = Int((Double(seconds) / 60).rounded(.down)) + offsetMinutes
        let day = Int((Double(minute) / Double(Self.minutesPerDay)).rounded(.down))
        let ofDay = minute - day * Self.minutesPerDay
        // 1 January 1970 was a Thursday.
        let today = ((day + 3) % 7 + 7) % 7
        if fromMinute < toMinute { return days.contains(today) && (fromMinute..<toMinute).contains(ofDay) }
        let yesterday = (today + 6) % 7
        return days.contains(today) && ofDay >= fromMinute || days.contains(yesterday) && ofDay < toMinute
    }
}

extension Policy {
    /// A policy without windows always is.
    public func isInForce(atSecondsSince1970 seconds: Int64) -> Bool {
        windows?.contains { $0.contains(secondsSince1970: seconds) } ?? true
    }

    /// Whether it certainly is at all times at which the other is: it always is, or has the same windows.
    func isInForce(whenever other: Policy) -> Bool {
        guard let windows else { return true }
        return other.windows?.allSatisfy { windows.contains($0) } ?? false
    }
}
