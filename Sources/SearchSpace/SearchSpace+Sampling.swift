/// The random steps of a search on configurations; `IndexedSearchSpace` has them on indices, for many steps in a row.
extension SearchSpace {
    /// A subnet drawn uniformly: every dimension independently. The result is canonical.
    public func sample(using generator: inout some RandomNumberGenerator) -> SubnetConfiguration {
        let indexed = IndexedSearchSpace(self)
        var child = indexed.smallest
        indexed.sample(into: &child, using: &generator)
        return indexed.configuration(of: child)
    }

    /// A copy in which each dimension is drawn anew with `probability` (0...1). The result is canonical.
    /// - Precondition: the parent is valid.
    public func mutate(
        _ parent: SubnetConfiguration, probability: Double, using generator: inout some RandomNumberGenerator
    ) -> SubnetConfiguration {
        let indexed = IndexedSearchSpace(self)
        var child = indexed.indices(ofValid: parent)
        indexed.mutate(&child, probability: probability, using: &generator)
        return indexed.configuration(of: child)
    }

    /// A child that takes each dimension from either parent with equal chance. The result is canonical.
    /// - Precondition: both parents are valid.
    public func crossover(
        _ first: SubnetConfiguration, _ second: SubnetConfiguration, using generator: inout some RandomNumberGenerator
    ) -> SubnetConfiguration {
        let indexed = IndexedSearchSpace(self)
        var child = indexed.indices(ofValid: first)
        indexed.crossover(&child, with: indexed.indices(ofValid: second), using: &generator)
        return indexed.configuration(of: child)
    }
}
