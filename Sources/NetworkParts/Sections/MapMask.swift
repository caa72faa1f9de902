import Engine
import CKernels

/// What of a part is computed: blocks of 16 channels of the map inside it, and strips of rows of its result.
///
/// A block that is left out counts as zeros, a strip keeps what the shortcut has there. Source: dynamic pruning of
/// channels (FBS, Gao et al. 2019) and of pixels (DynConv, Verelst, Tuytelaars 2020), in the units of the kernels.
public struct MapMask: Codable, Equatable, Sendable {
    /// One for every block of the hidden map.
    public var blocks: [Bool]
    /// One for every strip of rows of the result, from the top.
    public var strips: [Bool]

    public init(blocks: [Bool], strips: [Bool]) {
        self.blocks = blocks
        self.strips = strips
    }

    /// Everything is computed.
    public init(all part: MaskedPart) {
        self.init(
            blocks: [Bool](repeating: true, count: part.blocks), strips: [Bool](repeating: true, count: part.strips))
    }
}

/// A mask as kernels read it: lists of what they walk over. All memory is there from the start, so that a new mask may
/// be set before every run. Belongs to one thread.
public final class MaskLists {
    public let part: MaskedPart
    /// Numbers from 0 on, then the hidden map's active blocks.
    private let lists: UnsafeMutableBufferPointer<Int32>
    private let numbers: Int
    private var activeBlocks = 0
    /// Runs of neighbouring active rows of the result: first and end of each.
    private let rows: UnsafeMutableBufferPointer<Int32>
    private var runs = 0

    public init(for part: MaskedPart) {
        self.part = part
        numbers = part.mostBlocks
        lists = .allocate(capacity: numbers + part.blocks)
        rows = .allocate(capacity: 2 * part.strips)
        for index in 0..<numbers { lists[index] = Int32(index) }
        set(MapMask(all: part))
    }

    deinit {
        lists.deallocate()
        rows.deallocate()
    }

    /// - Precondition: the mask is for the part, and has one block at least.
    public func set(_ mask: MapMask) {
        precondition(mask.blocks.count == part.blocks && mask.strips.count == part.strips, "a mask for another part")
        activeBlocks = 0
        for index in mask.blocks.indices where mask.blocks[index] {
            lists[numbers + activeBlocks] = Int32(index)
            activeBlocks += 1
        }
        precondition(activeBlocks > 0, "a mask without a block")
        runs = 0
        for index in mask.strips.indices where mask.strips[index] {
            let range = part.rows(of: index)
            if runs == 0 || rows[2 * runs - 1] != Int32(range.lowerBound) {
                rows[2 * runs] = Int32(range.lowerBound)
                runs += 1
            }
            rows[2 * runs - 1] = Int32(range.upperBound)
        }
    }

    /// Computes the part's operations over one slot of the arena.
    func perform(_ operations: [PlanOperation], in arena: UnsafeMutablePointer<Float>) {
        var index = 0
        while index < operations.count {
            guard let function = part.functions[index] else {
                operations[index].perform(in: arena)
                index += 1
                continue
            }
            let role = part.roles[index]
            // The transformed input of a run lives until its products are taken.
            let isWinograd = operations[index].kind == .winogradInput
            var done = 0
            for run in 0..<runs {
                let result = Int(rows[2 * run])..<Int(rows[2 * run + 1])
                let wanted = part.rows(of: role, for: result)
                let left = max(wanted.lowerBound, done)..<max(wanted.upperBound, done)
                done = left.upperBound
                guard !left.isEmpty else { continue }
                operations[index].perform(in: arena, function, mask(operations[index], role, left))
                if isWinograd, let product = part.functions[index + 1] {
                    operations[index + 1].perform(in: arena, product, mask(operations[index + 1], role, left))
                }
            }
            index += isWinograd ? 2 : 1
        }
    }

    private func mask(_ operation: PlanOperation, _ role: MaskedPart.Role, _ rows: Range<Int>) -> ck_mask {
        let active = lists.baseAddress.map { UnsafePointer($0 + numbers) }
        let all = UnsafePointer(lists.baseAddress)
        let (masksOutput, masksInput) = (role != .reads, role != .writes)
        return ck_mask(
            outputs: masksOutput ? active : all, inputs: masksInput ? active : all,
            output_count: Int32(masksOutput ? activeBlocks : operation.output.blocks),
            input_count: Int32(masksInput ? activeBlocks : operation.input.blocks),
            first_row: Int32(rows.lowerBound), end_row: Int32(rows.upperBound))
    }
}
