/// Features of an FBNet: 22 layers, each one of nine blocks (kernel 3 or 5, expansion 1, 3 or 6, two groups, or skip).
///
/// Source: Wu et al., "FBNet", CVPR 2019, tables 1 and 2.
enum FBNetFeatures {
    private static let expansions = [1, 1, 3, 6, 1, 1, 3, 6, 0]
    private static let kernels = [3, 3, 3, 3, 5, 5, 5, 5, 0]
    private static let groups = [1, 2, 1, 1, 1, 2, 1, 1, 1]
    private static let skip = 8
    private static let channels =
        [16] + [24, 32, 64, 112, 184].flatMap { Array(repeating: $0, count: 4) } + [352]
    private static let halvingLayers: Set = [1, 5, 9, 17]
    private static let stages = 6

    static func features(_ blocks: [Int]) -> (counts: [Double], choices: [Double]) {
        var (side, input) = (112, 16)
        var work = Array(repeating: 0.0, count: stages)
        var traffic = Array(repeating: 0.0, count: stages)
        var present = Array(repeating: 0.0, count: stages)
        var depthwise = 0.0
        for (layer, block) in blocks.enumerated() {
            let isHalving = halvingLayers.contains(layer)
            let (output, outputSide) = (channels[layer], isHalving ? side / 2 : side)
            let stage = layer == 0 ? 0 : min(stages - 1, (layer - 1) / 4)
            let (before, after) = (Double(side * side), Double(outputSide * outputSide))
            if block != skip {
                let mid = Double(input * expansions[block])
                let share = 1 / Double(groups[block])
                let spatial = mid * Double(kernels[block] * kernels[block]) * after
                work[stage] +=
                    Double(input) * mid * share * before + spatial + mid * Double(output) * share * after
                traffic[stage] += (Double(input) + mid) * before + (mid + Double(output)) * after
                present[stage] += 1
                depthwise += spatial
            } else if isHalving || input != output {
                work[stage] += Double(input * output) * after
                traffic[stage] += Double(input) * before + Double(output) * after
            }
            (side, input) = (outputSide, output)
        }
        let totals = [work.reduce(0, +), traffic.reduce(0, +), depthwise + 1e6].map { logarithm($0 + 1) }
        let counts = [
            Double(blocks.count { kernels[$0] == 5 }), present.reduce(0, +), Double(blocks.count { groups[$0] == 2 }),
        ]
        return (totals + counts + work + traffic + present, oneHot(blocks, operations: 0..<skip))
    }

    /// Operations of all blocks of a kind, in millions, skips left out.
    static func workByBlock(_ blocks: [Int]) -> [Double] {
        var (side, input) = (112, 16)
        var work = Array(repeating: 0.0, count: skip)
        for (layer, block) in blocks.enumerated() {
            let before = Double(side * side)
            if halvingLayers.contains(layer) { side /= 2 }
            if block != skip {
                let (mid, share) = (Double(input * expansions[block]), 1 / Double(groups[block]))
                let after = Double(side * side)
                let narrow = (Double(input) * before + Double(channels[layer]) * after) * share
                work[block] += mid * (narrow + Double(kernels[block] * kernels[block]) * after) / 1e6
            }
            input = channels[layer]
        }
        return work
    }
}
