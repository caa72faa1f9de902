import SearchSpace

/// More than one population where the constraint is tight, or a subnet was given to begin with. There a search begins
/// with few kinds of subnets, or all soon descend from the one given, and in some seeds from a bad one; those that
/// begin anew, apart, and are joined when they have converged, do not share its fate (islands; Cantu-Paz, "Efficient
/// and Accurate Parallel Genetic Algorithms", 2000, chapter 4).
extension EvolutionRun {
    /// Random draws for one that meets the constraint, from which on there are two and three populations.
    private static let tightDraws = [5, 20]

    /// Breeds until nothing better comes.
    mutating func evolve(_ goesOn: () -> Bool) {
        while generation < settings.generations, !isUsedUp, !hasConverged, goesOn() { breed() }
    }

    /// Evolves the other populations, where there are any, and each with the survivors of those before.
    mutating func evolveApart(_ goesOn: () -> Bool) {
        for tight in Self.tightDraws
        where (draws >= tight * max(1, hits) || (isPlanted && tight == Self.tightDraws[0]))
            && generation < settings.generations && !isUsedUp && goesOn()
        {
            let before = Array(population.prefix(parentCount))
            population = []
            (idleGenerations, bestAccuracy) = (0, -.infinity)
            // Evaluations that are used up leave what there was.
            try? fill(mayRelax: false)
            if !population.isEmpty { evolve(goesOn) }
            population = Array(population.prefix(parentCount)) + before
            sortPopulation()
            (idleGenerations, bestAccuracy) = ((settings.patience ?? 0) / 2, population[0].accuracy)
            evolve(goesOn)
        }
    }
}
