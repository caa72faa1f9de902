/// A subnet written as indices into its space's values, one per dimension: resolution, depth per stage, kernel size
/// per position, expand ratio per position. Searches and predictors work on this form because it needs no look-ups by
/// value.
public struct SubnetIndices: Hashable, Sendable {
    public var values: [UInt16]

    @inlinable public init(values: [UInt16]) { self.values = values }
}

/// A search space laid out for `SubnetIndices`, with the random steps of a search.
///
/// Every operation yields the canonical form: positions beyond a stage's depth hold index 0.
public struct IndexedSearchSpace: Hashable, Sendable {
    public let space: SearchSpace
    /// Values per dimension, in the order of `SubnetIndices`.
    public let optionCounts: [UInt16]
    /// Where the kernel sizes and the expand ratios begin; depths begin at 1.
    public let kernelOffset: Int
    public let expandOffset: Int
    public let positionsPerStage: Int
    /// Blocks in use by index of a stage's depth.
    public let depths: [Int]

    /// - Precondition: no dimension has more than 65,535 values.
    public init(_ space: SearchSpace) {
        let counts = [space.resolutions, space.depths, space.kernelSizes, space.expandRatios].map(\.count)
        precondition(counts.allSatisfy { $0 <= UInt16.max }, "a dimension has at most 65,535 values")
        self.space = space
        positionsPerStage = space.positionsPerStage
        kernelOffset = 1 + space.stageCount
        expandOffset = kernelOffset + space.positionCount
        depths = space.depths
        optionCounts =
            [UInt16(counts[0])] + Array(repeating: UInt16(counts[1]), count: space.stageCount)
            + Array(repeating: UInt16(counts[2]), count: space.positionCount)
            + Array(repeating: UInt16(counts[3]), count: space.positionCount)
    }

    public var dimensionCount: Int { optionCounts.count }

    /// The smallest subnet.
    public var smallest: SubnetIndices { SubnetIndices(values: Array(repeating: 0, count: dimensionCount)) }
    /// The largest subnet.
    public var largest: SubnetIndices { SubnetIndices(values: optionCounts.map { $0 - 1 }) }

    /// The indices of a configuration, in canonical form.
    public func indices(of configuration: SubnetConfiguration) throws(ConfigurationRefusal) -> SubnetIndices {
        try space.validate(configuration)
        let canonical = space.canonical(configuration)
        return SubnetIndices(
            values: Self.indices(of: [canonical.resolution], in: space.resolutions)
                + Self.indices(of: canonical.depths, in: space.depths)
                + Self.indices(of: canonical.kernelSizes, in: space.kernelSizes)
                + Self.indices(of: canonical.expandRatios, in: space.expandRatios))
    }

    /// The indices of a configuration that is known to be valid, in canonical form.
    func indices(ofValid configuration: SubnetConfiguration) -> SubnetIndices {
        do { return try indices(of: configuration) } catch {
            preconditionFailure("not a subnet of \(space.name): \(error)")
        }
    }

    /// - Precondition: every value was validated to be among `allowed`.
    private static func indices(of values: [Int], in allowed: [Int]) -> [UInt16] {
        values.map { value in
            guard let index = allowed.firstIndex(of: value) else {
                preconditionFailure("\(value) was validated to be one of \(allowed)")
            }
            return UInt16(index)
        }
    }

    /// The configuration that indices of this space stand for.
    public func configuration(of indices: SubnetIndices) -> SubnetConfiguration {
        let values = indices.values.map(Int.init)
        return SubnetConfiguration(
            resolution: space.resolutions[values[0]],
            depths: values[1..<kernelOffset].map { space.depths[$0] },
            kernelSizes: values[kernelOffset..<expandOffset].map { space.kernelSizes[$0] },
            expandRatios: values[expandOffset...].map { space.expandRatios[$0] })
    }

    /// Sets positions beyond their stage's depth to index 0.
    @inlinable public func canonicalize(_ indices: inout SubnetIndices) {
        for stage in 0..<(kernelOffset - 1) {
            let depth = depths[Int(indices.values[1 + stage])]
            let first = stage * positionsPerStage
            for position in (first + depth)..<(first + positionsPerStage) {
                indices.values[kernelOffset + position] = 0
                indices.values[expandOffset + position] = 0
            }
        }
    }
}

extension IndexedSearchSpace {
    /// Draws a subnet uniformly, every dimension independently.
    @inlinable public func sample(into child: inout SubnetIndices, using generator: inout some RandomNumberGenerator) {
        for dimension in 0..<optionCounts.count { child.values[dimension] = draw(dimension, &generator) }
        canonicalize(&child)
    }

    /// Draws each dimension anew with `probability` (0...1, to within 2^-17).
    @inlinable public func mutate(
        _ child: inout SubnetIndices, probability: Double, using generator: inout some RandomNumberGenerator
    ) {
        // 16 random bits against it, so that 0 never and 1 always holds, and one number serves four dimensions.
        let threshold = UInt64((probability * 0x1p16).rounded())
        var bits: UInt64 = 0
        for dimension in 0..<optionCounts.count {
            bits = dimension & 3 == 0 ? generator.next() : bits >> 16
            if bits & 0xFFFF < threshold { child.values[dimension] = draw(dimension, &generator) }
        }
        canonicalize(&child)
    }

    /// Takes each dimension from the other parent with equal chance.
    @inlinable public func crossover(
        _ child: inout SubnetIndices, with other: SubnetIndices, using generator: inout some RandomNumberGenerator
    ) {
        // A bit for each dimension, and no branch on it: it could not be predicted.
        var bits: UInt64 = 0
        for dimension in 0..<optionCounts.count {
            bits = dimension & 63 == 0 ? generator.next() : bits >> 1
            let mask = UInt16(truncatingIfNeeded: 0 &- (bits & 1))
            child.values[dimension] ^= (child.values[dimension] ^ other.values[dimension]) & mask
        }
        canonicalize(&child)
    }

    /// A uniform index by multiply and shift; the bias is below 2^-48, and a draw costs exactly one number.
    @inlinable func draw(_ dimension: Int, _ generator: inout some RandomNumberGenerator) -> UInt16 {
        UInt16(truncatingIfNeeded: generator.next().multipliedFullWidth(by: UInt64(optionCounts[dimension])).high)
    }
}
