/// How updates become one, parameter by parameter.
///
/// What each rule withstands is said in numbers of boards, not of samples: how many samples a board has seen is its own
/// claim. None waits for anybody: a rule takes the updates that there are.
public enum MergeRule: Equatable, Codable, Sendable {
    /// The mean by weight (FedAvg, McMahan et al. 2017). Withstands no bad board: a single one moves it anywhere.
    case mean
    /// Drops the `share` lowest and as many of the highest values, and takes the mean by weight of the others (Yin et
    /// al. 2018). Of `n` boards, up to `share * n`, rounded down, may be bad: what is left lies between values of
    /// honest ones. `share` is below a half. From three boards on one is dropped at least, so that with three it is the
    /// median.
    case trimmedMean(share: Double)
    /// The middle value, or the mean of the two; weights do not count (Yin et al. 2018). Fewer than half of the boards
    /// may be bad.
    case median

    /// Of so many boards, how many may be bad and the result still lies between values of honest ones.
    public func withstands(of boards: Int) -> Int {
        switch self {
        case .mean: 0
        case .trimmedMean(let share):
            min(max(Int(share * Double(boards)), boards >= 3 ? 1 : 0), max(0, (boards - 1) / 2))
        case .median: max(0, (boards - 1) / 2)
        }
    }

    /// One parameter.
    /// - Parameter values: at least one, with positive weights.
    /// - Returns: the same whatever the order of the values.
    func merge(_ values: inout [(value: Double, weight: Double)]) -> Double {
        precondition(!values.isEmpty, "nothing to merge")
        values.sort { ($0.value, $0.weight) < ($1.value, $1.weight) }
        let cut: Int
        switch self {
        case .mean: cut = 0
        case .trimmedMean: cut = withstands(of: values.count)
        case .median: cut = (values.count - 1) / 2
        }
        let kept = values[cut..<values.count - cut]
        guard let first = kept.first, let last = kept.last else { return 0 }
        if self == .median { return first.value + (last.value - first.value) / 2 }
        let weight = kept.reduce(0) { $0 + $1.weight }
        // From the first one up, so that equal values merge to themselves; rounding leads out of their range by no bit.
        let mean = first.value + kept.reduce(0) { $0 + $1.weight / weight * ($1.value - first.value) }
        return min(max(mean, first.value), last.value)
    }
}
