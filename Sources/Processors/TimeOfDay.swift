import CScheduler

/// What the kernel knows of the machine's clock.
public enum TimeOfDay {
    /// Whether something keeps the clock right (`adjtimex`, which `timedatectl` reads too).
    /// - Returns: `nil` where the kernel does not tell.
    public static func isKept() -> Bool? {
        var state = timex()
        let answer = adjtimex(&state)
        return answer < 0 ? nil : answer != TIME_ERROR
    }
}
