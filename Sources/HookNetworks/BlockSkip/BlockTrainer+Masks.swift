import Engine
import MapPruning
import NetworkParts

extension BlockTrainer {
    /// Puts a few assignments of masks, chosen and fitted together, in place of the parts that can be masked.
    mutating func fitMasks() throws(HookRefusal) {
        let kinds: [(GateKind, MaskSearch.Unit)] = [(.channel, .blocks), (.point, .strips)]
        for (position, (kind, unit)) in kinds.enumerated() {
            let parts = hooks.filter { $0.point.kind == kind && $0.expectedDamage == nil && $0.samples == nil }
            guard !parts.isEmpty else { continue }
            var settings = settings.masks
            settings.seed = self.settings.seed
            var assignments: [MaskAssignment] = []
            do {
                let search = try MaskSearch(
                    plan, try parts.compactMap { try candidate($0, unit) }, unit: unit, settings: settings,
                    logits: logits, distance: Divergence.totalVariation, images: images)
                if var search {
                    assignments = try search.run {
                        progress(0.1 + 0.1 * Double(position) + 0.1 * $0)
                    }
                }
            } catch { throw HookRefusal("\(error)") }
            guard !assignments.isEmpty else { continue }
            hooks.removeAll { hook in parts.contains { $0.point == hook.point } }
            hooks += self.hooks(of: kind, assignments)
            // Of several that begin at one place the one that saves most is asked for first.
            hooks = hooks.enumerated().sorted {
                ($0.element.point.parts.lowerBound, $0.offset) < ($1.element.point.parts.lowerBound, $1.offset)
            }.map(\.element)
        }
    }

    private func candidate(
        _ hook: HookState.Hook, _ unit: MaskSearch.Unit
    ) throws -> MaskSearch.Candidate? {
        let part = hook.point.parts.lowerBound
        guard let mask = hook.masks.first?.mask, let masked = try plan.masked(part) else { return nil }
        let whole = MapMask(all: masked)
        let out =
            unit == .blocks
            ? whole.blocks.count - mask.blocks.count { $0 } : whole.strips.count - mask.strips.count { $0 }
        return MaskSearch.Candidate(part: part, microseconds: hook.point.microseconds / Double(max(1, out)))
    }

    /// All stand before the first part that one of them masks, so that each rules out the others.
    private func hooks(of kind: GateKind, _ assignments: [MaskAssignment]) -> [HookState.Hook] {
        let parts = assignments.flatMap { $0.masks.map(\.part) }
        guard let first = parts.min(), let last = parts.max() else { return [] }
        return assignments.reversed().map { assignment in
            var hook = HookState.Hook(
                AttachmentPoint(
                    kind: kind, operator: "masks of \(assignment.masks.count) parts", flops: assignment.flops,
                    microseconds: assignment.microseconds, parts: first..<last + 1))
            (hook.masks, hook.expectedDamage) = (assignment.masks, assignment.damage)
            return hook
        }
    }
}
