import Testing

@testable import GateCalibration

@Suite struct DamageCurveTests {
    /// So many images at every rung, each with the damage that a function of the budget says.
    static func curve(images: Int = 100, _ damage: (Double) -> Double) -> DamageCurve {
        var curve = DamageCurve()
        for (rung, budget) in DamageCurve.rungs.enumerated() {
            for _ in 0..<images { curve.add(damage(budget), at: rung) }
        }
        return curve
    }

    @Test func theLadderRises() {
        let rungs = DamageCurve.rungs
        #expect(zip(rungs, rungs.dropFirst()).allSatisfy { $0 < $1 } && rungs.last == 1 && rungs[0] == 0.001)
    }

    @Test func meansAndTheirErrorsAreThoseOfTheDamages() {
        var curve = DamageCurve()
        for damage in [0.0, 0, 0, 1] { curve.add(damage, at: 3) }
        let rung = curve.measured[3]
        // The variance of 0, 0, 0, 1 about its mean is 3/16, over n - 1 = 3 images 1/16, whose root is a quarter.
        #expect(rung.images == 4 && rung.mean == 0.25 && abs(rung.standardError - 0.25) < 1e-12)
        #expect(curve.measured[2].mean == 0 && curve.measured[2].standardError == 0)
        #expect(!curve.isKnown)
    }

    /// Two neighbours out of order share their mean, weighed by their images; others keep theirs.
    @Test func meansAreMadeToRise() {
        var curve = Self.curve(images: 100) { $0 / 2 }
        let rungs = DamageCurve.rungs
        // Rung 10 falls below rung 9, with twice as many images.
        for _ in 0..<100 { curve.add(0, at: 10) }
        let (nine, ten) = (curve.measured[9], curve.measured[10])
        #expect(ten.mean < nine.mean)
        let shared = (nine.sum + ten.sum) / (nine.images + ten.images)
        let means = curve.means
        #expect(abs(means[9] - shared) < 1e-12 && abs(means[10] - shared) < 1e-12)
        #expect(abs(means[8] - rungs[8] / 2) < 1e-12 && abs(means[11] - rungs[11] / 2) < 1e-12)
        #expect(zip(means, means.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func boundsRiseAndLieAboveTheMeans() {
        var curve = Self.curve { _ in 0 }
        // A lucky rung without any damage between two with some.
        for rung in [4, 6] { for image in 0..<100 { curve.add(image % 10 == 0 ? 1 : 0, at: rung) } }
        let bounds = curve.bounds(caution: 1)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(zip(bounds, curve.means).allSatisfy { $0 >= $1 })
        #expect(bounds[3] == 0 && bounds[4] > curve.means[4])
        #expect(curve.bounds(caution: 0) == curve.means)
    }

    @Test func oldImagesFade() {
        var curve = Self.curve(images: 400) { _ in 0 }
        curve.fade(to: DamageCurve.fewestImages)
        #expect(curve.isKnown && curve.measured.allSatisfy { $0.images == DamageCurve.fewestImages })
        // As many new ones of damage 1 weigh as much as all that faded.
        for _ in 0..<Int(DamageCurve.fewestImages) { curve.add(1, at: 5) }
        #expect(abs(curve.measured[5].mean - 0.5) < 1e-12)
        curve.fade(to: 1_000)
        #expect(curve.measured[5].images == 2 * DamageCurve.fewestImages, "nothing fades that is below")
    }

    @Test func noMoreImagesAreRememberedThanTheLimit() {
        var curve = DamageCurve()
        for _ in 0..<Int(DamageCurve.mostImages) { curve.add(0, at: 0) }
        for _ in 0..<Int(DamageCurve.mostImages) { curve.add(1, at: 0) }
        #expect(curve.measured[0].images <= DamageCurve.mostImages)
        #expect(curve.measured[0].mean > 0.6, "newer ones count for more")
    }

    @Test func sumsThatNoDamagesHaveAreRefused() {
        let good = Self.curve { $0 / 2 }
        #expect(DamageCurve(measured: good.measured) == good)
        for bad in [
            DamageCurve.Rung(images: -1), .init(images: .nan), .init(images: 1, sum: 2), .init(images: 1, sum: -1),
            .init(images: 2, sum: 1, squares: 1.5), .init(images: 1e9), .init(images: 1, sum: 1, squares: .infinity),
        ] {
            var measured = good.measured
            measured[7] = bad
            #expect(DamageCurve(measured: measured) == nil, "\(bad)")
        }
        #expect(DamageCurve(measured: good.measured.dropLast()) == nil)
    }
}
