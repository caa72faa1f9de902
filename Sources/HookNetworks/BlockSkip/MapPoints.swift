public import Engine
import MapPruning
import Supernets
public import NetworkParts

/// Where channels or points can be left out: every part with a map inside. Training chooses how much of which, all
/// together.
public enum MapPoints {
    /// Places with a mask each that leaves about half, to tell what leaving out costs less.
    /// - Throws: a failure of the plan.
    public static func find(_ kinds: [GateKind], in plan: SectionedPlan) throws -> [HookState.Hook] {
        var hooks: [HookState.Hook] = []
        for part in plan.parts.indices.dropFirst() {
            guard let masked = try plan.masked(part), masked.taps != nil else { continue }
            let all = MapMask(all: masked)
            var masks: [(GateKind, MapMask)] = []
            if kinds.contains(.channel), masked.blocks > 1 {
                var mask = all
                for block in (masked.blocks + 1) / 2..<masked.blocks { mask.blocks[block] = false }
                masks.append((.channel, mask))
            }
            if kinds.contains(.point), masked.strips > 1 {
                var mask = all
                for strip in 0..<masked.strips / 2 { mask.strips[strip] = false }
                masks.append((.point, mask))
            }
            for (kind, mask) in masks {
                let flops = plan.parts[part].flops - masked.flops(of: mask)
                guard flops > 0 else { continue }
                var hook = HookState.Hook(
                    AttachmentPoint(
                        kind: kind, operator: masked.name(of: mask), flops: flops, microseconds: 0,
                        parts: part..<part + 1))
                hook.masks = [PartMask(part: part, mask: mask, reader: nil)]
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
            guard let mask = hooks[index].masks.first?.mask, hooks[index].point.kind.isMasking else { continue }
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
            // The shortest: training weighs damage by what is saved, and other programs only ever add to it.
            let least = times.map { Double($0.min() ?? 0) / 1_000 }
            hooks[index].point.microseconds = least[0] - least[1]
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
