import SearchSpace

/// Subnets of one supernet as architecture strings whose characters say in unary how much work there is: of two
/// characters of one place, as many are the first as the place has of what it counts. `LatencyPrediction` counts the
/// characters of strings that it does not know; so it reads resolution, and of each stage the sum of the expand ratios
/// (which pointwise convolutions cost) and of these times the kernels' area (which depthwise ones do).
///
/// Two subnets that differ in the order of a stage's blocks only are spelled alike.
struct SubnetSpelling {
    /// Characters of one place.
    private static let resolutionLevels = 24
    private static let stageLevels = 12
    /// Stages that have places of their own; what is beyond counts with the last.
    private static let stages = 12
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

    private let resolutions: ClosedRange<Int>
    /// The most that a stage has of each.
    private let ratios: [Int]
    private let areas: [Int]

    /// - Parameter subnets: all that are to be spelled; well formed and of one shape.
    init(_ subnets: some Sequence<SubnetConfiguration>) {
        var (low, high) = (Int.max, 0)
        var ratios = [Int](repeating: 1, count: Self.stages)
        var areas = ratios
        for subnet in subnets {
            (low, high) = (min(low, subnet.resolution), max(high, subnet.resolution))
            for (stage, work) in Self.work(of: subnet).enumerated() {
                ratios[stage] = max(ratios[stage], work.ratio)
                areas[stage] = max(areas[stage], work.area)
            }
        }
        resolutions = min(low, high)...max(low == .max ? 0 : low, high)
        (self.ratios, self.areas) = (ratios, areas)
    }

    func spell(_ subnet: SubnetConfiguration) -> String {
        var text = ""
        func add(_ letter: Int, _ share: Double, of levels: Int) {
            let count = Int((Double(levels) * min(max(share, 0), 1)).rounded())
            let character = String(Self.letters[letter])
            text += String(repeating: character, count: count)
            text += String(repeating: character.lowercased(), count: levels - count)
        }
        let span = Double(resolutions.upperBound - resolutions.lowerBound)
        let above = Double(subnet.resolution - resolutions.lowerBound)
        add(0, span > 0 ? above / span : 1, of: Self.resolutionLevels)
        for (stage, work) in Self.work(of: subnet).enumerated() {
            add(1 + 2 * stage, Double(work.ratio) / Double(ratios[stage]), of: Self.stageLevels)
            add(2 + 2 * stage, Double(work.area) / Double(areas[stage]), of: Self.stageLevels)
        }
        return text
    }

    private static func work(of subnet: SubnetConfiguration) -> [(ratio: Int, area: Int)] {
        var work = [(ratio: Int, area: Int)](repeating: (0, 0), count: min(stages, subnet.depths.count))
        for (stage, position) in subnet.positionsInUse {
            let place = min(stage, work.count - 1)
            let (ratio, kernel) = (subnet.expandRatios[position], subnet.kernelSizes[position])
            work[place].ratio += ratio
            work[place].area += ratio * kernel * kernel
        }
        return work
    }
}

extension SubnetConfiguration {
    /// How many stages and positions it has.
    struct Shape: Hashable, Comparable {
        var stages: Int
        var positions: Int

        static func < (left: Shape, right: Shape) -> Bool {
            (left.stages, left.positions) < (right.stages, right.positions)
        }
    }

    /// `nil` where the lists do not belong together or a value is none that a subnet can have.
    var shape: Shape? {
        guard resolution > 0, !depths.isEmpty, kernelSizes.count == expandRatios.count,
            !kernelSizes.isEmpty, kernelSizes.count % depths.count == 0
        else { return nil }
        let positions = kernelSizes.count / depths.count
        let isPossible =
            depths.allSatisfy { (1...positions).contains($0) }
            && (kernelSizes + expandRatios).allSatisfy { (1...4_096).contains($0) }
        return isPossible ? Shape(stages: depths.count, positions: positions) : nil
    }

    /// Stage and place of every block that is in use; of a subnet with a shape.
    var positionsInUse: [(stage: Int, position: Int)] {
        let positions = kernelSizes.count / depths.count
        return depths.indices.flatMap { stage in (0..<depths[stage]).map { (stage, stage * positions + $0) } }
    }
}
