import CKernels

/// How much of the map that a step writes is zero, summed over inputs: single values, tiles of neighbouring pixels of a
/// row in one block of 16 channels, and whole blocks. What the next operator could leave out without any change of its
/// result; telemetry may report `ActivationSparsity.share` of all steps.
public struct ActivationSparsity: Codable, Equatable, Sendable {
    /// Pixels of a tile.
    public static let tilePixels = 4

    public let name: String
    public private(set) var values = 0
    public private(set) var zeros = 0
    public private(set) var tiles = 0
    public private(set) var zeroTiles = 0
    public private(set) var blocks = 0
    public private(set) var zeroBlocks = 0

    init(name: String) { self.name = name }

    public var zeroShare: Double { Double(zeros) / Double(max(1, values)) }
    public var zeroTileShare: Double { Double(zeroTiles) / Double(max(1, tiles)) }
    public var zeroBlockShare: Double { Double(zeroBlocks) / Double(max(1, blocks)) }

    /// Of all values of all steps.
    public static func share(_ steps: [ActivationSparsity]) -> Double {
        Double(steps.reduce(0) { $0 + $1.zeros }) / Double(max(1, steps.reduce(0) { $0 + $1.values }))
    }

    mutating func add(_ map: UnsafePointer<Float>, _ shape: PlanOperation.Shape) {
        var counts = ck_sparsity()
        counts.map = map
        counts.height = Int32(shape.height)
        counts.width = Int32(shape.width)
        counts.channels = Int32(shape.channels)
        counts.tile = Int32(Self.tilePixels)
        ck_count_zeros(&counts)
        values += shape.channels * shape.pixels
        zeros += Int(counts.zeros)
        tiles += shape.blocks * shape.height * ((shape.width + Self.tilePixels - 1) / Self.tilePixels)
        zeroTiles += Int(counts.zero_tiles)
        blocks += shape.blocks
        zeroBlocks += Int(counts.zero_blocks)
    }
}

extension Session {
    /// Runs a plan of floats on the caller's thread and counts zeros of every step's map.
    /// - Parameter steps: of earlier inputs; filled where it is empty.
    public func run(_ plan: Plan, on image: UnsafeBufferPointer<Float>, counting steps: inout [ActivationSparsity]) {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        let last = plan.operations.indices.filter { index in
            let isLast = index + 1 == plan.steps.count || plan.steps[index + 1].group != plan.steps[index].group
            let operation = plan.operations[index]
            return isLast && operation.output.pixels > 1 && operation.outputElement == .float32
        }
        if steps.isEmpty { steps = last.map { ActivationSparsity(name: plan.groups[plan.steps[$0].group]) } }
        precondition(steps.count == last.count, "zeros of another plan")
        plan.place(image, in: arena.base)
        var next = 0
        for index in plan.operations.indices {
            plan.operations[index].perform(in: arena.base)
            guard next < last.count, last[next] == index else { continue }
            steps[next].add(arena.base + plan.operations[index].outputOffset, plan.operations[index].output)
            next += 1
        }
    }
}
