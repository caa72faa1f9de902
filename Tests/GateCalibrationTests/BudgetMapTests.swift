import Testing

@testable import GateCalibration

@Suite struct BudgetMapTests {
    @Test func gatesThatDoLessThanTheyMayAreHeldToWhatIsAsked() {
        let map = BudgetMap(DamageCurveTests.curve { $0 / 2 })
        for asked: Float in [0, 0.0005, 0.001, 0.01, 0.0123, 0.3, 1] { #expect(map.held(asked) == asked) }
        #expect(map.held(-1) == -1, "off stays off")
    }

    /// Gates that do twice the damage are held to half the budget, or the next rung below it.
    @Test func gatesThatDoMoreAreHeldToLess() {
        let map = BudgetMap(DamageCurveTests.curve { min(1, 2 * $0) })
        #expect(map.held(0.01) == 0.005 && map.held(0.02) == 0.01 && map.held(0.1) == 0.05)
        #expect(map.held(0.011) == 0.005 && map.held(0.009) == 0.004, "the rung below")
        #expect(map.held(0.0015) == 0, "less than was measured: nothing is decided")
        #expect(map.held(1) == 1)
    }

    /// A budget below the lowest rung whose damage is within it needs no holding.
    @Test func betweenRungsTheOneAboveSays() {
        // Damage begins at 0.03: 0.025 lies between rungs of 0.02 and 0.03.
        let map = BudgetMap(DamageCurveTests.curve { $0 >= 0.03 ? 0.028 : 0 })
        #expect(map.held(0.03) == 0.03 && map.held(0.02) == 0.02)
        #expect(map.held(0.025) == 0.02, "the rung above would do 0.028")
        #expect(map.held(0.029) == 0.029)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func isMonotoneAndNeverAboveWhatIsAsked(seed: UInt64) {
        var state = seed
        func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        let curve = DamageCurveTests.curve(images: 60) { _ in next() < 0.3 ? next() : 0 }
        let map = BudgetMap(curve)
        let bounds = curve.bounds(caution: BudgetMap.caution)
        var last: Float = 0
        for step in 0...2_000 {
            let asked = Float(step) / 2_000
            let held = map.held(asked)
            #expect(held <= asked && held >= last, "seed \(seed), \(asked) held to \(held) after \(last)")
            // What is measured at the rung above what is held is within what was asked.
            if held > 0, let rung = DamageCurve.rungs.firstIndex(where: { Float($0) >= held }) {
                #expect(Float(bounds[rung]) <= asked, "seed \(seed), \(asked) held to \(held)")
            }
            last = held
        }
    }

    @Test func cautionAddsStandardErrors() {
        var curve = DamageCurve()
        for rung in DamageCurve.rungs.indices { for image in 0..<100 { curve.add(image < 1 ? 1 : 0, at: rung) } }
        // One image of a hundred is ruined: a mean of 0.01, known to 0.01.
        #expect(BudgetMap(curve, caution: 0).held(0.01) == 0.01 && BudgetMap(curve, caution: 1).held(0.01) == 0)
        #expect(BudgetMap(curve, caution: 1).held(0.02) == 0.02 && BudgetMap(curve, caution: 2).held(0.02) == 0)
    }

    @Test func tooFewImagesSayNothing() {
        let few = DamageCurveTests.curve(images: 49) { _ in 1 }
        #expect(BudgetMap(few).isIdentity && BudgetMap(few).held(0.01) == 0.01)
        #expect(BudgetMap(DamageCurveTests.curve(images: 50) { _ in 1 }).held(0.01) == 0)
    }

    @Test func ofSeveralMapsTheStrictestHolds() {
        let loose = BudgetMap(DamageCurveTests.curve { $0 / 2 })
        let strict = BudgetMap(DamageCurveTests.curve { min(1, 2 * $0) })
        let both = BudgetMap(strictestOf: [loose, .identity, strict])
        #expect(both.held(0.02) == 0.01 && BudgetMap(strictestOf: []).isIdentity)
    }
}
