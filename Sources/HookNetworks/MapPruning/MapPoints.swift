public import Engine
import Supernets
public import NetworkParts

/// Where gates can leave out channels or points: a few masks for every part with a map inside, each the place of a
/// gate.
public enum MapPoints {
    /// Of the blocks of channels, what the masks of a part leave.
    private static let channelShares = [0.75, 0.5]
    /// Strips that masks leave out, of as many as seven.
    private static let strips = [1, 2, 3]

    /// Hooks with masks of the size that training keeps to.
    /// - Throws: a failure of the plan.
    public static func find(_ kinds: [GateKind], in plan: SectionedPlan) throws -> [HookState.Hook] {
        var hooks: [HookState.Hook] = []
        for part in plan.parts.indices.dropFirst() {
            guard let masked = try plan.masked(part), masked.taps != nil else { continue }
            let all = MapMask(all: masked)
            var masks: [(GateKind, MapMask)] = []
            if kinds.contains(.channel) {
                for left in Set(channelShares.map { Int(($0 * Double(masked.blocks)).rounded()) }).sorted()
                where left > 0 && left < masked.blocks {
                    var mask = all
                    for block in left..<masked.blocks { mask.blocks[block] = false }
                    masks.append((.channel, mask))
                }
            }
            if kinds.contains(.point), masked.strips > 1 {
                for out in strips.reversed() where 2 * out < masked.strips {
                    var mask = all
                    for strip in 0..<out { mask.strips[strip] = false }
                    masks.append((.point, mask))
                }
            }
            for (kind, mask) in masks {
                let flops = plan.parts[part].flops - masked.flops(of: mask)
                guard flops > 0 else { continue }
                var hook = HookState.Hook(
                    AttachmentPoint(
                        kind: kind, operator: masked.name(of: mask), flops: flops, microseconds: 0,
                        parts: part..<part + 1))
                hook.mask = mask
                hooks.append(hook)
            }
        }
        return hooks
    }

    /// Measures what every mask saves, in the network, in turn with the whole part.
    public static func measure(_ hooks: inout [HookState.Hook], in plan: SectionedPlan, repeats: Int) throws {
        let session = SectionedSession(for: plan)
        let image = TestImage(plan.inputShape)
        for index in hooks.indices {
            guard let mask = hooks[index].mask, hooks[index].point.kind.isMasking else { continue }
            let part = hooks[index].point.parts.lowerBound
            guard let masked = try plan.masked(part) else { continue }
            let lists = MaskLists(for: masked)
            lists.set(mask)
            var times: [[UInt64]] = [[], []]
            for run in 0..<2 * (repeats + InterleavedTimer.warmUpRuns) {
                session.place(image.values)
                for before in 0..<part { session.perform(plan.parts[before]) }
                let start = PlanTimer.now()
                if run % 2 == 0 { session.perform(plan.parts[part]) } else { session.perform(lists) }
                let time = PlanTimer.now() - start
                if run >= 2 * InterleavedTimer.warmUpRuns { times[run % 2].append(time) }
            }
            let medians = times.map { Double($0.sorted()[$0.count / 2]) / 1_000 }
            hooks[index].point.microseconds = medians[0] - medians[1]
        }
    }
}

extension MaskedPart {
    fileprivate func name(of mask: MapMask) -> String {
        let (blocks, strips) = (mask.blocks.count { $0 }, mask.strips.count { $0 })
        return strips < self.strips
            ? "\(writerName) \(strips)/\(self.strips) strips" : "\(writerName) \(blocks)/\(self.blocks) blocks"
    }
}
