/// Finds measurements of a new board that are wrong beyond noise, such as one taken during a stall or with a slipped
/// decimal point, so that they do not spoil the fit to all others.
///
/// A measurement is wrong with probability `wrongShare`, and then any value is as likely as any other within the factor
/// `e ^ wrongRange`; else it is what the Gaussian process says, given all others. Both are averaged over the grid of
/// hyperparameters by marginal likelihood, without the measurement that is judged: one wrong value widens a process
/// that has to explain it too, and would hide behind it. The most doubtful is set aside as long as it is more probably
/// wrong than right, one at a time and one in five at most.
///
/// The sums over left-out measurements are exact and need one inverse per process: leaving out a measurement takes a
/// matrix of rank one from the inverse.
///
/// Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.2, for leaving one out.
struct MeasurementScreen {
    static let wrongShare = 0.1
    static let wrongRange = 4.0
    /// One measurement in this many may be set aside.
    static let judged = 5

    /// Places of the wrong ones among the values, ascending.
    let wrong: [Int]

    /// - Parameters:
    ///   - fitted: processes fitted to all measurements.
    ///   - count: of the measurements.
    init(_ fitted: [TransferProcess], count: Int) {
        let most = count / Self.judged
        guard most > 0 else {
            wrong = []
            return
        }
        var processes = fitted
        var left = Array(0..<count)
        let wrongDensity = logarithm(Self.wrongShare / Self.wrongRange)
        while count - left.count < most {
            let whole = logarithmOfSum(processes.map(\.evidence))
            let gains = left.map { place in
                logarithmOfSum(processes.map { $0.evidence - $0.logarithmicDensity(of: place) })
                    + wrongDensity - whole
            }
            guard let place = gains.indices.max(by: { gains[$0] < gains[$1] }), gains[place] > 0 else { break }
            for index in processes.indices { processes[index].leaveOut(left[place]) }
            left.remove(at: place)
        }
        let kept = Set(left)
        wrong = (0..<count).filter { !kept.contains($0) }
    }
}
