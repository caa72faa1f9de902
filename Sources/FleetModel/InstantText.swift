/// A moment as people write it: ISO 8601 with its zone, as in `2026-03-01T22:30:00+01:00`.
public enum InstantText {
    private static let secondsPerDay = 86_400
    /// Hours that clocks on Earth differ from UTC by at most.
    private static let offsetHours = 14

    /// Seconds since 1970 in UTC; nothing rolls over, so that a day that no month has and an hour that no day has are
    /// refused.
    /// - Parameter text: Date, `T`, time to the second, maybe a fraction of it, and `Z`, `+01:00` or `+0100`.
    /// - Returns: `nil` for anything else.
    public static func seconds(_ text: String) -> Double? {
        var rest = Substring(text)
        guard let year = number(&rest, digits: 4), take("-", from: &rest), let month = number(&rest, digits: 2),
            take("-", from: &rest), let day = number(&rest, digits: 2), take("T", from: &rest),
            let hour = number(&rest, digits: 2), take(":", from: &rest), let minute = number(&rest, digits: 2),
            take(":", from: &rest), let second = number(&rest, digits: 2), let fraction = fraction(&rest),
            let offset = offset(&rest), rest.isEmpty
        else { return nil }
        guard (1...12).contains(month), (1...days(of: month, in: year)).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let days = daysSince1970(year, month, day)
        return Double(days * secondsPerDay + 3_600 * hour + 60 * minute + second - 60 * offset) + fraction
    }

    private static func number(_ rest: inout Substring, digits: Int) -> Int? {
        let text = rest.prefix(digits)
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return Int(text)
    }

    private static func take(_ character: Character, from rest: inout Substring) -> Bool {
        guard rest.first == character else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func fraction(_ rest: inout Substring) -> Double? {
        guard take(".", from: &rest) else { return 0 }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return digits.isEmpty || digits.count > 9 ? nil : Double("0.\(digits)")
    }

    /// Minutes ahead of UTC.
    private static func offset(_ rest: inout Substring) -> Int? {
        if take("Z", from: &rest) { return 0 }
        guard let sign = rest.first, sign == "+" || sign == "-" else { return nil }
        rest = rest.dropFirst()
        guard let hours = number(&rest, digits: 2) else { return nil }
        _ = take(":", from: &rest)
        guard let minutes = number(&rest, digits: 2), minutes < 60, 60 * hours + minutes <= 60 * offsetHours else {
            return nil
        }
        return (sign == "-" ? -1 : 1) * (60 * hours + minutes)
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(of month: Int, in year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        /// Days before a year of the Gregorian calendar, from the first.
        func before(_ year: Int) -> Int {
            let past = year - 1
            return 365 * past + Int((Double(past) / 4).rounded(.down)) - Int((Double(past) / 100).rounded(.down))
                + Int((Double(past) / 400).rounded(.down))
        }
        return before(year) - before(1970) + (1..<month).reduce(0) { $0 + days(of: $1, in: year) } + day - 1
    }
}
