import SearchSpace

/// Features of subnets of one supernet, of which only the number of stages is known: work by stage, depth by stage, and
/// which block stands where.
///
/// Widths are supposed as in MobileNetV3: where height and width halve from one stage to the next, channels grow so
/// that a block's pointwise convolutions cost the same in all stages, and its depthwise one half of that of the stage
/// before. Prices of stages are fitted in any case; the supposition only says what a sum over all of them weighs.
///
/// Source: Cai et al., "Once-for-All", ICLR 2020, for the search space.
struct SubnetFeatures {
    /// Multiply-adds of a depthwise over those of the pointwise convolutions, per kernel area, in the first stage.
    private static let depthwiseShare = 1.0 / 64

    private let subnets: [SubnetConfiguration]
    private let kernelSizes: [Int]
    private let expandRatios: [Int]
    private let positions: Int

    /// - Parameter subnets: of equally many stages.
    init(_ subnets: [SubnetConfiguration]) {
        self.subnets = subnets
        let blocks = subnets.flatMap(\.blocks)
        kernelSizes = Set(blocks.joined().map(\.kernelSize)).sorted()
        expandRatios = Set(blocks.joined().map(\.expandRatio)).sorted()
        positions = blocks.map(\.count).max() ?? 0
    }

    var rows: [(counts: [Double], choices: [Double])] { subnets.map { (counts($0), choices($0)) } }

    /// What costs may add up from: launches by stage, and work by stage and by kernel size, in pixels of the image.
    var operators: [[Double]] {
        subnets.map { subnet in
            let pixels = Self.pixels(subnet)
            var kinds = Array(repeating: 0.0, count: kernelSizes.count)
            for (stage, blocks) in subnet.blocks.enumerated() {
                for block in blocks {
                    guard let kind = kernelSizes.firstIndex(of: block.kernelSize) else { continue }
                    kinds[kind] += Self.depthwise(block, stage: stage) * pixels
                }
            }
            let work = subnet.blocks.map { blocks in blocks.reduce(0) { $0 + Double($1.expandRatio) } * pixels }
            return [pixels] + subnet.blocks.map { Double($0.count) } + work + kinds
        }
    }

    private func counts(_ subnet: SubnetConfiguration) -> [Double] {
        let stages = subnet.blocks.enumerated().map { stage, blocks in
            (
                pointwise: blocks.reduce(0) { $0 + Double($1.expandRatio) },
                depthwise: blocks.reduce(0) { $0 + Self.depthwise($1, stage: stage) }
            )
        }
        let (pointwise, depthwise) = (stages.map(\.pointwise), stages.map(\.depthwise))
        let pixels = Self.pixels(subnet)
        let totals = [pointwise.reduce(0, +), depthwise.reduce(0, +)].map { logarithm(pixels * $0) }
        return [logarithm(pixels)] + totals + subnet.blocks.map { Double($0.count) } + pointwise + depthwise
    }

    /// One-hot by place, without ones where the depth leaves a place unused.
    private func choices(_ subnet: SubnetConfiguration) -> [Double] {
        subnet.blocks.flatMap { blocks in
            (0..<positions).flatMap { place -> [Double] in
                let block = place < blocks.count ? blocks[place] : nil
                return kernelSizes.map { $0 == block?.kernelSize ? 1 : 0 }
                    + expandRatios.map { $0 == block?.expandRatio ? 1 : 0 }
            }
        }
    }

    private static func pixels(_ subnet: SubnetConfiguration) -> Double {
        Double(subnet.resolution * subnet.resolution) / 1e4
    }

    private static func depthwise(_ block: (kernelSize: Int, expandRatio: Int), stage: Int) -> Double {
        let area = Double(block.kernelSize * block.kernelSize)
        return Double(block.expandRatio) * area * depthwiseShare * exponential(-0.693 * Double(stage))
    }
}
