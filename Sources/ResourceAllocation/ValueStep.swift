/// The step that values share: accuracies that were rounded, or counted on so many pictures, differ by multiples of
/// it, and so do their sums. Between a value and the next step there is none, which proves more than a bound alone.
enum ValueStep {
    /// Values lie this close to multiples of the step, and so do sums of some of them.
    static let error = 1e-7
    private static let least = 1e-5

    /// - Parameter values: of each class.
    /// - Returns: the largest step of which all differences within a class are multiples; 0 where it is too small to
    ///   tell from rounding.
    static func common(to values: [[Double]]) -> Double {
        let differences = values.flatMap { values in
            let lowest = values.min() ?? 0
            return values.map { $0 - lowest }.filter { $0 > error }
        }
        guard let widest = differences.max() else { return 0 }
        var step = widest
        for difference in differences {
            var (larger, smaller) = (difference, step)
            while smaller > least / 2 {
                let rest = abs(larger - (larger / smaller).rounded() * smaller)
                (larger, smaller) = (smaller, rest)
            }
            guard smaller <= error / 16, larger >= least else { return 0 }
            // Of a wide difference the step is known more exactly than of a narrow one.
            step = widest / (widest / larger).rounded()
        }
        let accuracy = error / Double(16 * max(1, values.count))
        let areMultiples = differences.allSatisfy { abs($0 - ($0 / step).rounded() * step) <= accuracy }
        return areMultiples ? step : 0
    }
}
