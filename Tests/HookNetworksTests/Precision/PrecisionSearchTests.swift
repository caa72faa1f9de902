import Engine
import Testing

@testable import HookNetworks

@Suite struct PrecisionSearchTests {
    @Test func masksGetMoreExactAndAgreeBeforeTheBorder() throws {
        let samples = try PrecisionSamples(seed: 4)
        let model = try samples.model()
        var settings = PrecisionSearch.Settings()
        (settings.rounds, settings.repeats, settings.smallestDamage) = (2, 1, 0)
        let search = PrecisionSearch(
            model, plain: samples.plain, count: 6, settings: settings, images: samples.image, progress: { _ in })
        let masks = try search.masks(before: 2)
        let first = model.firstCount(before: 2)
        #expect((1...3).contains(masks.count) && masks.allSatisfy { $0.count == 10 })
        for (cheaper, dearer) in zip(masks, masks.dropFirst()) {
            #expect(cheaper[..<first] == dearer[..<first] && cheaper != dearer)
            let changed = cheaper.indices.filter { cheaper[$0] != dearer[$0] }
            let order: [Precision] = [.int8, .bf16, .fp32]
            #expect(
                changed.allSatisfy {
                    (order.firstIndex(of: cheaper[$0]) ?? 9) < (order.firstIndex(of: dearer[$0]) ?? 0)
                })
        }
        let exact = try search.damage(of: [Precision](repeating: .fp32, count: 10))
        let narrow = try search.damage(of: [Precision](repeating: .int8, count: 10))
        #expect(exact < 1e-4 && narrow > exact, "\(exact), \(narrow)")
    }

    @Test func everyOtherFormOfEveryConvolutionIsTimed() throws {
        let model = try PrecisionSamples(seed: 5).model()
        let base = [Precision](repeating: .fp32, count: 10)
        let saved = try PrecisionTimer.savings(model, base: base, repeats: 1)
        #expect(saved.count == 10 && saved.allSatisfy { Set($0.keys) == [.bf16, .int8] })
        #expect(saved.joined().allSatisfy { $0.value.isFinite })
    }
}
