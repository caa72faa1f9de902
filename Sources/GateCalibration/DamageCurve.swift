/// What the decisions of all gates damaged together, measured at a ladder of budgets that they were held to.
///
/// A gate's prediction is right on average for its own decisions; what several of them do together, each after those
/// before it and each picked because its prediction was low, is not the sum of that. So it is measured, on images that
/// nothing was fitted on, and what is asked for is held against the measurement (`BudgetMap`).
public struct DamageCurve: Equatable, Sendable {
    /// Budgets that gates are held to while damage is measured. At 1 every gate decides.
    public static let rungs: [Double] = [
        0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2,
        0.3,
        0.4, 0.5, 0.7, 1,
    ]

    /// Images measured at one rung, and sums over them; older ones may count as parts of an image.
    public struct Rung: Equatable, Sendable {
        public fileprivate(set) var images: Double
        /// Of damages.
        public fileprivate(set) var sum: Double
        /// Of their squares.
        public fileprivate(set) var squares: Double

        public init(images: Double = 0, sum: Double = 0, squares: Double = 0) {
            (self.images, self.sum, self.squares) = (images, sum, squares)
        }

        /// 0 without images.
        public var mean: Double { images > 0 ? sum / images : 0 }
        /// Of the mean; 0 below two images.
        public var standardError: Double {
            guard images > 1 else { return 0 }
            return (max(0, squares / images - mean * mean) / (images - 1)).squareRoot()
        }
    }

    /// Images at a rung that are remembered: beyond, the oldest fade.
    public static let mostImages = 2_000.0
    /// Images at each rung below which nothing is said.
    public static let fewestImages = 50.0

    /// Sums that were faded are known up to it.
    private static let rounding = 1 + 1e-9

    public private(set) var measured: [Rung]

    public init() { measured = Self.rungs.map { _ in Rung() } }

    /// - Returns: `nil` unless as many rungs as there are, of finite sums that damages in 0...1 can have.
    public init?(measured: [Rung]) {
        let isSound = measured.allSatisfy { rung in
            rung.images.isFinite && (0...Self.mostImages).contains(rung.images)
                && rung.sum >= 0 && rung.squares >= 0 && rung.sum <= rung.images * Self.rounding
                && rung.squares <= rung.sum * Self.rounding
        }
        guard measured.count == Self.rungs.count, isSound else { return nil }
        self.measured = measured
    }

    /// - Parameter damage: 0...1, of an answer whose gates were held to the rung.
    public mutating func add(_ damage: Double, at rung: Int) {
        precondition((0...1).contains(damage), "a damage of \(damage)")
        if measured[rung].images >= Self.mostImages { fade(rung, to: Self.mostImages - 1) }
        measured[rung].images += 1
        measured[rung].sum += damage
        measured[rung].squares += damage * damage
    }

    /// Lets what was measured so far count as so many images at the most, so that newer ones soon outweigh it.
    public mutating func fade(to images: Double) {
        for rung in measured.indices where measured[rung].images > images { fade(rung, to: images) }
    }

    private mutating func fade(_ rung: Int, to images: Double) {
        let share = images / measured[rung].images
        measured[rung].images = images
        measured[rung].sum *= share
        measured[rung].squares *= share
    }

    /// Whether there are enough images at every rung.
    public var isKnown: Bool { measured.allSatisfy { $0.images >= Self.fewestImages } }

    /// Mean damage by rung, made to rise: neighbours out of order share their mean, by the images they stand for
    /// (pool adjacent violators; Ayer et al. 1955).
    public var means: [Double] {
        var pools: [(sum: Double, images: Double, rungs: Int)] = []
        for rung in measured {
            pools.append((rung.sum, rung.images, 1))
            while pools.count > 1 {
                let (last, before) = (pools[pools.count - 1], pools[pools.count - 2])
                guard last.sum * before.images < before.sum * last.images else { break }
                pools.removeLast(2)
                pools.append((before.sum + last.sum, before.images + last.images, before.rungs + last.rungs))
            }
        }
        return pools.flatMap { pool in
            [Double](repeating: pool.images > 0 ? pool.sum / pool.images : 0, count: pool.rungs)
        }
    }

    /// - Parameter caution: standard errors that are added to every mean.
    /// - Returns: by rung, rising: damage that is not expected to be exceeded.
    public func bounds(caution: Double) -> [Double] {
        var most = 0.0
        return zip(means, measured).map { mean, rung in
            most = max(most, min(1, mean + caution * rung.standardError))
            return most
        }
    }
}
