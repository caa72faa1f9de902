/// Predicts one cost of a subnet, such as its latency in milliseconds or its FLOPs.
public protocol CostEstimating: Sendable {
    /// The subnets it can be asked about.
    var space: SearchSpace { get }
    /// Costs of the cheapest and the dearest subnet of the space.
    var range: ClosedRange<Double> { get }
    /// A subnet of the lowest cost.
    var cheapest: SubnetIndices { get }
    /// - Precondition: `indices` belongs to `space`.
    func cost(of indices: SubnetIndices) -> Double
}

extension CostEstimating {
    public func cost(of configuration: SubnetConfiguration) throws(ConfigurationRefusal) -> Double {
        cost(of: try IndexedSearchSpace(space).indices(of: configuration))
    }
}

/// A cost that is the sum of its operators' costs, compiled to an array: an estimate is one addition per block in use
/// and allocates nothing.
public struct AdditiveCost: CostEstimating {
    public let space: SearchSpace
    public let range: ClosedRange<Double>
    public let cheapest: SubnetIndices
    private let layout: IndexedSearchSpace
    /// Everything but the elastic blocks, by resolution.
    private let fixed: [Double]
    /// By resolution, position, kernel size and expand ratio.
    private let blocks: [Double]

    /// Asks for the cost of every operator that a subnet of the space can have.
    ///
    /// Throws what `cost` throws, or an `OperatorRefusal` if the space does not fit the supernet.
    /// - Precondition: every cost is finite.
    public init(
        space: SearchSpace, operators: SupernetOperators, cost: (SubnetOperator, _ resolution: Int) throws -> Double
    ) throws {
        try operators.requireFit(of: space)
        var fixed: [Double] = []
        var blocks: [Double] = []
        for resolution in space.resolutions {
            let ends = operators.head(resolution: resolution) + operators.tail(resolution: resolution)
            fixed.append(try ends.reduce(0) { $0 + (try cost($1, resolution)) })
            for index in 0..<space.positionCount {
                let (stage, position) = index.quotientAndRemainder(dividingBy: space.positionsPerStage)
                for kernel in space.kernelSizes {
                    for expandRatio in space.expandRatios {
                        blocks.append(
                            try cost(
                                operators.block(
                                    resolution: resolution, stage: stage, position: position, kernel: kernel,
                                    expandRatio: expandRatio), resolution))
                    }
                }
            }
        }
        precondition((fixed + blocks).allSatisfy(\.isFinite), "costs are finite")
        self.space = space
        self.fixed = fixed
        self.blocks = blocks
        layout = IndexedSearchSpace(space)
        range = Self.range(space: space, fixed: fixed, blocks: blocks)
        cheapest = Self.cheapest(layout, fixed: fixed, blocks: blocks)
    }

    public func cost(of indices: SubnetIndices) -> Double {
        let perStage = layout.positionsPerStage
        let expandCount = space.expandRatios.count
        let perPosition = space.kernelSizes.count * expandCount
        let resolution = Int(indices.values[0])
        var row = resolution * space.stageCount * perStage * perPosition
        var total = fixed[resolution]
        for stage in 0..<space.stageCount {
            for block in 0..<layout.depths[Int(indices.values[1 + stage])] {
                let position = stage * perStage + block
                let kernel = Int(indices.values[layout.kernelOffset + position])
                let expand = Int(indices.values[layout.expandOffset + position])
                total += blocks[row + block * perPosition + kernel * expandCount + expand]
            }
            row += perStage * perPosition
        }
        return total
    }

    /// Exact, because blocks are chosen independently: the best block per position, the best depth per stage.
    private static func range(space: SearchSpace, fixed: [Double], blocks: [Double]) -> ClosedRange<Double> {
        let perPosition = space.kernelSizes.count * space.expandRatios.count
        let perStage = space.positionsPerStage
        func extreme(_ resolution: Int, _ choose: (Double, Double) -> Double) -> Double {
            var total = fixed[resolution]
            for stage in 0..<space.stageCount {
                var sums: [Double] = [0]
                for block in 0..<perStage {
                    let start = ((resolution * space.stageCount + stage) * perStage + block) * perPosition
                    let best = blocks[(start + 1)..<(start + perPosition)].reduce(blocks[start], choose)
                    sums.append(sums[block] + best)
                }
                let totals = space.depths.map { sums[$0] }
                total += totals.dropFirst().reduce(totals[0], choose)
            }
            return total
        }
        let lows = space.resolutions.indices.map { extreme($0, min) }
        let highs = space.resolutions.indices.map { extreme($0, max) }
        return lows.reduce(lows[0], min)...highs.reduce(highs[0], max)
    }

    /// Exact for the same reason; of equals the first.
    private static func cheapest(_ layout: IndexedSearchSpace, fixed: [Double], blocks: [Double]) -> SubnetIndices {
        let (perStage, expandCount) = (layout.positionsPerStage, layout.space.expandRatios.count)
        let perPosition = layout.space.kernelSizes.count * expandCount
        var best = (cost: Double.infinity, subnet: layout.smallest)
        for resolution in layout.space.resolutions.indices {
            var (total, subnet) = (fixed[resolution], layout.smallest)
            subnet.values[0] = UInt16(resolution)
            for stage in 0..<layout.space.stageCount {
                var sums = [0.0]
                for block in 0..<perStage {
                    let position = stage * perStage + block
                    let start = (resolution * layout.space.positionCount + position) * perPosition
                    let row = blocks[start..<(start + perPosition)]
                    let choice = (row.indices.min { row[$0] < row[$1] } ?? start) - start
                    subnet.values[layout.kernelOffset + position] = UInt16(choice / expandCount)
                    subnet.values[layout.expandOffset + position] = UInt16(choice % expandCount)
                    sums.append(sums[block] + blocks[start + choice])
                }
                let depth = layout.depths.indices.min { sums[layout.depths[$0]] < sums[layout.depths[$1]] } ?? 0
                subnet.values[1 + stage] = UInt16(depth)
                total += sums[layout.depths[depth]]
            }
            layout.canonicalize(&subnet)
            if total < best.cost { best = (total, subnet) }
        }
        return best.subnet
    }
}

extension AdditiveCost {
    /// FLOPs (twice the multiply-adds) of every subnet of the space.
    public static func flops(space: SearchSpace, operators: SupernetOperators) throws -> AdditiveCost {
        try AdditiveCost(space: space, operators: operators) { row, _ in Double(row.flops) }
    }
}
