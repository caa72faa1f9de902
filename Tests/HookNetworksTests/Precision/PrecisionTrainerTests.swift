import Engine
import Testing

@testable import HookNetworks

@Suite struct PrecisionTrainerTests {
    @Test func learnsDamagesAndTheSameSeedGivesTheSame() throws {
        let samples = try PrecisionSamples(seed: 7)
        func train(_ count: Int) throws -> [HookState.Hook] {
            var settings = PrecisionTrainer.Settings()
            (settings.gates.epochs, settings.gates.hidden) = (2, 2)
            let trainer = PrecisionTrainer(
                plain: samples.plain, try samples.model(), samples.state, settings: settings)
            return try trainer.train(samples.hooks, count: count, images: samples.image, progress: { _ in }).map {
                var hook = $0
                #expect(hook.overheadMicroseconds.map { $0 > 0 } == true)
                hook.overheadMicroseconds = nil
                return hook
            }
        }
        let (first, second) = (try train(500), try train(500))
        #expect(first == second && first.allSatisfy { $0.gate != nil && $0.samples?.count == 500 })
        #expect(first[0].head != nil && first[1].head == nil)

        // The damages are those of the assignments.
        let model = try samples.model()
        let search = PrecisionSearch(
            model, plain: samples.plain, count: 500, images: samples.image, progress: { _ in })
        for (index, hook) in first.enumerated() {
            let measured = try search.damage(of: samples.state.masks[index])
            let mean = try #require(hook.samples?.meanDamage)
            #expect(abs(mean - measured) < 0.25 * measured, "mask \(index): \(mean), \(measured)")
        }
        #expect(try train(20).allSatisfy { $0.gate == nil && $0.samples?.count == 20 }, "too few to judge a gate by")
    }
}
