public import Engine

/// A part of a network that reads one map and writes one: a section, what replaces it, or what looks at its input.
///
/// A session keeps the map between two parts in one of two slots of its arena. A part exists in two versions, one for
/// each slot that its input may lie in, so that leaving a part out costs nothing: the next one reads the slot that the
/// left out one would have read.
public struct NetworkPart: Sendable {
    /// By the slot of the input.
    let versions: [[PlanOperation]]
    /// Whether the result lies in the slot of the input.
    let isInPlace: Bool
    let plan: Plan
    /// Of moved operations.
    private let tables: [AlignedBuffer]
    public let output: PlanOperation.Shape
    public var input: PlanOperation.Shape { plan.inputShape }
    public var flops: Int { plan.flops }
    public var names: [String] { plan.groups }

    /// - Parameter layout: of the session's arena.
    init(_ plan: Plan, output: PlanOperation.Shape, _ layout: SlotLayout) {
        self.plan = plan
        self.output = output
        isInPlace = plan.outputOffset == plan.inputOffset
        var tables: [AlignedBuffer] = []
        versions = [0, 1].map { slot in
            plan.operations.map { operation in
                operation.relocated(keeping: &tables) { offset in
                    // Maps that begin where input and output do are moved along: only one of them lives at a time.
                    // Where the builder could keep both ends for themselves there are no others.
                    if offset == plan.inputOffset { return layout.slot(slot) }
                    if offset == plan.outputOffset { return layout.slot(1 - slot) }
                    return layout.work + offset
                }
            }
        }
        self.tables = tables
    }
}

/// Two slots for maps between parts, and the room that parts work in.
struct SlotLayout: Sendable {
    /// Floats of one slot: whatever a part keeps at the place of its input or output fits.
    let slotCount: Int
    let workCount: Int

    init(_ plans: [Plan]) {
        func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
        slotCount = rounded(plans.map(\.endCount).max() ?? 0)
        workCount = rounded(plans.map(\.arenaCount).max() ?? 0)
    }

    /// The first slot begins where plans have their image.
    func slot(_ index: Int) -> Int { PlanBuilder.guardCount + index * slotCount }
    var work: Int { slot(2) }
    var arenaCount: Int { work + workCount }
}
