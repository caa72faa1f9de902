public import Engine
public import NetworkParts

/// Where gates can decide within one run of a network.
///
/// Runs of residual blocks that keep the map's shape are cut from their end into pairs, each of which one 3x3
/// convolution can replace; where that would not save half of the work, every block is a place by itself and nothing
/// replaces it. Heads can end a run before every second part behind the first third of them, of chains before every
/// one.
public enum BlockPoints {
    /// What leaving out a place saves at the least, of the network's work.
    private static let smallestSaving = 0.002
    private static let runLength = 2

    /// - Parameter microseconds: measured time of every part.
    public static func find(
        _ kinds: [GateKind], in plan: SectionedPlan, microseconds: [Double]
    ) -> [AttachmentPoint] {
        var points: [AttachmentPoint] = []
        if kinds.contains(.skip) { points += runs(plan).map { point(.skip, $0, plan, microseconds) } }
        if kinds.contains(.exit) {
            let last = plan.parts.count - 1
            // A residual block changes little of what the last one's head would say; two convolutions of a chain do.
            let step = plan.isResidual.contains(true) ? 2 : 1
            points += stride(from: last - step, to: last / 3, by: -step).reversed()
                .map { point(.exit, $0..<plan.parts.count, plan, microseconds) }
        }
        return points.filter { Double($0.flops) >= smallestSaving * Double(plan.flops) }
            .sorted { ($0.parts.lowerBound, $0.kind.rawValue) < ($1.parts.lowerBound, $1.kind.rawValue) }
    }

    /// Whether one convolution is to replace the parts.
    public static func hasSubstitute(_ parts: Range<Int>, in plan: SectionedPlan) -> Bool { parts.count >= runLength }

    private static func runs(_ plan: SectionedPlan) -> [Range<Int>] {
        var (result, end): ([Range<Int>], Int) = ([], plan.parts.count)
        while end > 0 {
            let part = end - 1
            guard plan.isResidual[part] else {
                end -= 1
                continue
            }
            let pair = end - runLength..<end
            if pair.lowerBound > 0, pair.allSatisfy({ plan.isResidual[$0] }),
                plan.shape(before: pair.lowerBound) == plan.shape(before: part),
                2 * substituteFlops(plan, before: part) < pair.reduce(0, { $0 + plan.parts[$1].flops })
            {
                result.append(pair)
                end -= runLength
            } else {
                result.append(part..<end)
                end -= 1
            }
        }
        return result.reversed()
    }

    private static func substituteFlops(_ plan: SectionedPlan, before part: Int) -> Int {
        let shape = plan.shape(before: part)
        return 2 * 9 * shape.channels * shape.channels * shape.pixels
    }

    private static func point(
        _ kind: GateKind, _ parts: Range<Int>, _ plan: SectionedPlan, _ microseconds: [Double]
    ) -> AttachmentPoint {
        let flops = parts.reduce(0) { $0 + plan.parts[$1].flops }
        let time = parts.reduce(0) { $0 + microseconds[$1] }
        let replaced =
            kind == .skip && hasSubstitute(parts, in: plan)
            ? Double(substituteFlops(plan, before: parts.lowerBound)) / Double(flops) : 0
        return AttachmentPoint(
            kind: kind, operator: plan.parts[parts.lowerBound].names.first ?? "",
            flops: Int(Double(flops) * (1 - replaced)), microseconds: time * (1 - replaced), parts: parts)
    }
}
