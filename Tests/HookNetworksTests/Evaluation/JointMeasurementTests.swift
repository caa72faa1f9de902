import CAllocations
import Engine
import GateCalibration
import Testing

@testable import HookNetworks

@Suite struct JointMeasurementTests {
    private let small: Plan
    private let middle: Plan
    private let large: Plan
    private let images = (0..<80).map { HookSamples.image(UInt64($0)) }
    private let buffer = AlignedBuffer(count: 3 * HookSamples.side * HookSamples.side)

    init() throws {
        small = try HookSamples.network(blocks: 1, seed: 1).plan(kernels: .selected())
        middle = try HookSamples.network(blocks: 2, seed: 3).plan(kernels: .selected())
        large = try HookSamples.network(blocks: 4, seed: 2).plan(kernels: .selected())
    }

    private func image(_ index: Int) -> UnsafeBufferPointer<Float> {
        buffer.base.update(from: images[index], count: buffer.count)
        return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
    }

    /// Gates that predict 0.025 for every input, whatever it does.
    private func state(_ rungs: Int) throws -> HookState {
        let counts = try ModelCascade([.init(small), .init(middle)], largest: large, isCommittee: true).featureCounts
        return HookState(
            kinds: [.model], weightsSHA256: "ab",
            hooks: (0..<rungs).map { index in
                var hook = HookState.Hook(
                    AttachmentPoint(kind: .model, operator: "n", flops: 1, microseconds: 1, parts: 0..<0))
                hook.gate = HookSamples.constantGate(counts[index], damage: 0.025)
                return hook
            })
    }

    private func cascade(_ state: HookState) throws -> ModelCascade {
        try ModelCascade(
            zip([small, middle], state.hooks).map { .init($0, gate: $1.usableGate) }, largest: large,
            isCommittee: true, budgets: state.budgetMap)
    }

    private func measured(_ state: HookState) throws -> HookState {
        var state = state
        let measurement = JointMeasurement(Array(images.indices), images: image, prepare: { _, _ in })
        state.calibrations = try measurement.calibrations(of: state, network: cascade, progress: { _ in })
        return state
    }

    @Test func everyFifthImageIsKeptWhereEnoughAreLeft() {
        let few = JointMeasurement.split(620, first: 0)
        #expect(few.fitted.count == 620 && few.reserved.isEmpty)
        let (fitted, reserved) = JointMeasurement.split(JointMeasurement.fewestImages, first: 3)
        #expect(fitted.count == 500 && reserved.count == 125 && reserved[0] == 1)
        #expect(Set(fitted).isDisjoint(with: reserved))
        // An image stays on its side wherever a call begins.
        let later = JointMeasurement.split(1_000, first: 7)
        for position in later.reserved { #expect((position + 7) % 5 == 4) }
    }

    /// Gates promise 0.025 and do far more: held to a budget between, they decide nothing; the mean damage of what they
    /// do is the measured one.
    @Test func aBudgetBoundsWhatIsMeasuredNotWhatIsPromised() throws {
        let plain = try state(1)
        let network = try cascade(plain)
        var sum = 0.0
        for index in images.indices {
            let full = Array(network.answer(image(index), budget: -1).logits)
            let answer = network.answer(image(index), budget: 0.1)
            #expect(answer.taken == 1 && answer.predictedDamage.map { abs($0 - 0.025) < 1e-6 } == true)
            sum += full.withUnsafeBufferPointer { Double(network.damage(of: answer, full: $0)) }
        }
        let damage = sum / Double(images.count)
        #expect(damage > 0.15, "these networks agree on too much: \(damage)")

        let state = try measured(plain)
        let curve = try #require(state.calibrations.first?.curve)
        #expect(state.calibrations.count == 1 && state.calibrations[0].kinds == [.model])
        for (rung, budget) in zip(curve.measured, DamageCurve.rungs) {
            #expect(abs(rung.mean - (budget >= 0.03 ? damage : 0)) < 1e-5, "\(budget): \(rung)")
        }
        let held = try cascade(state)
        for (budget, taken) in [(Float(0.015), 0), (0.02, 0), (0.1, 0), (1, 1)] {
            #expect(held.answer(image(3), budget: budget).taken == taken, "\(budget)")
        }
        #expect(held.budgets.held(0.1) == 0.02)
        let bound = Float(curve.bounds(caution: BudgetMap.caution)[20])
        #expect(held.answer(image(3), budget: bound + 0.001).taken == 1)
    }

    /// What runs to the end has left nothing out, though a committee says something else than its largest network.
    @Test func whatLeavesNothingOutDoesNoDamage() throws {
        let network = try cascade(try state(2))
        let full = Array(network.answer(image(0), budget: -1).logits)
        let answer = network.answer(image(0), budget: 0.01)
        #expect(answer.taken == 0 && Array(answer.logits) != full && answer.predictedDamage == nil)
        #expect(full.withUnsafeBufferPointer { network.damage(of: answer, full: $0) } == 0)
    }

    @Test func heldBudgetsAllocateNothing() throws {
        let network = try cascade(try measured(try state(2)))
        #expect(!network.budgets.isIdentity)
        let pixels = image(0)
        for _ in 0..<3 { _ = network.answer(pixels, budget: 0.1) }
        ca_begin()
        for _ in 0..<20 { _ = network.answer(pixels, budget: 0.1) }
        let allocations = ca_count()
        #expect(allocations == 0 && ca_is_counting() != 0, "\(allocations) allocations in 20 answers")
    }

    /// Of several kinds each is measured alone and all together; other sets are held to the strictest.
    @Test func kindsAreMeasuredAloneAndTogether() throws {
        func hook(_ kind: GateKind) -> HookState.Hook {
            var hook = HookState.Hook(
                AttachmentPoint(kind: kind, operator: "n", flops: 1, microseconds: 1, parts: 0..<0))
            hook.expectedDamage = 0.1
            return hook
        }
        var state = HookState(kinds: [.skip, .exit, .channel], weightsSHA256: "a", hooks: [hook(.skip), hook(.exit)])
        #expect(state.decidingKinds == [.skip, .exit])
        let fixed = try cascade(try self.state(1))
        var asked: [Set<GateKind>] = []
        let measurement = JointMeasurement(Array(0..<60), images: image, prepare: { _, _ in })
        let found = try measurement.calibrations(of: state) { part in
            asked.append(part.decidingKinds)
            return fixed
        } progress: {
            #expect(0...1 ~= $0)
        }
        #expect(asked == [[.exit], [.skip], [.exit, .skip]] && found.map(\.kinds) == asked)

        func curve(_ factor: Double) -> DamageCurve {
            var curve = DamageCurve()
            for (rung, budget) in DamageCurve.rungs.enumerated() {
                for _ in 0..<60 { curve.add(min(1, factor * budget), at: rung) }
            }
            return curve
        }
        state.calibrations = [
            .init(kinds: [.skip], curve: curve(1)), .init(kinds: [.exit], curve: curve(2)),
            .init(kinds: [.skip, .exit], curve: curve(4)),
        ]
        #expect(state.leaving(only: [.skip]).budgetMap.held(0.02) == 0.02)
        #expect(state.leaving(only: [.exit]).budgetMap.held(0.02) == 0.01)
        #expect(state.budgetMap.held(0.02) == 0.005)
        state.hooks.append(hook(.channel))
        #expect(state.budgetMap.held(0.02) == 0.005, "not measured: as the strictest of what it holds")
        state.calibrations.removeAll { $0.kinds != [.exit] }
        #expect(state.leaving(only: [.skip]).budgetMap.isIdentity, "nothing is known of it")
    }
}
