import Engine
import Fusion
import NetworkParts
import SearchSpace
import Testing

@testable import HookNetworks

/// Where gates can decide within networks of one kind and another.
@Suite struct BlockPointsTests {
    private func points(_ network: FusedNetwork, _ kinds: [GateKind]) throws -> ([AttachmentPoint], SectionedPlan) {
        let plan = try SectionedPlan(network, kernels: .selected())
        return (BlockPoints.find(kinds, in: plan, microseconds: plan.parts.map { _ in 1 }), plan)
    }

    @Test func residualNetworksAreCutAtTheirBlocks() throws {
        let (points, plan) = try points(try HookSamples.network(blocks: 6, seed: 1), [.skip, .exit])
        #expect(plan.isResidual == [false] + [Bool](repeating: true, count: 6) + [false])
        #expect(points.filter { $0.kind == .skip }.map(\.parts) == [1..<3, 3..<5, 5..<7])
        #expect(points.filter { $0.kind == .exit }.map(\.parts) == [3..<8, 5..<8])
    }

    /// A chain has no block to skip, but maps to end at, and channels between two convolutions.
    @Test func chainsAreCutAfterEverySecondConvolution() throws {
        let network = try HookSamples.chain(convolutions: 8, side: 32)
        let sections = network.sections()
        // The classifier is a convolution too, and a part by itself.
        #expect(sections.map { $0.network.steps.count(where: \.isConvolution) } == [2, 2, 2, 2, 1])
        #expect(sections.dropLast().allSatisfy { $0.network.steps.last?.isConvolution == true })
        #expect(sections.flatMap(\.network.steps).map(\.name) == network.steps.map(\.name))
        let (points, plan) = try points(network, [.skip, .exit])
        #expect(points.map(\.kind) == [.exit, .exit] && points.map(\.parts) == [2..<5, 3..<5])
        #expect(points[0].flops == plan.parts[2...].reduce(0) { $0 + $1.flops })
        let masks = try MapPoints.find([.channel, .point], in: plan)
        #expect(masks.map(\.point.kind) == [.channel, .channel, .channel])
    }

    /// Part by part a chain gives what it gives as a whole.
    @Test func aChainInPartsHasTheBitsOfTheWhole() throws {
        let network = try HookSamples.chain(convolutions: 8, side: 32)
        let (plain, plan) = (
            try network.plan(kernels: .selected()), try SectionedPlan(network, kernels: .selected())
        )
        let (whole, parts) = (Session(for: [plain]), SectionedSession(for: plan))
        HookSamples.image(3, side: 32).withUnsafeBufferPointer { image in
            let expected = Array(whole.run(plain, on: image))
            parts.place(image)
            for part in plan.parts { parts.perform(part) }
            #expect(Array(parts.output) == expected)
        }
    }
}
