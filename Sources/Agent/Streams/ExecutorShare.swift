/// The models that one executor runs, and the processor that it is bound to.
///
/// Models that name a processor run there, together with others that name it and apart from all else. The others are
/// spread over as many executors as there are cores left for, at least one, the most demanding first, each to the
/// executor that has least to do; the system chooses their processors.
package struct ExecutorShare: Equatable {
    package var processor: Int?
    /// Positions among the board's models, rising.
    package var models: [Int]

    package init(processor: Int?, models: [Int]) {
        self.processor = processor
        self.models = models
    }

    /// - Parameters:
    ///   - processors: that the models name.
    ///   - loads: of the models, in any one unit.
    ///   - cores: of CPU time that the agent may use.
    package static func shares(processors: [Int?], loads: [Double], cores: Double) -> [ExecutorShare] {
        let named = Set(processors.compactMap(\.self)).sorted()
        var shares = named.map { processor in
            ExecutorShare(processor: processor, models: processors.indices.filter { processors[$0] == processor })
        }
        let free = processors.indices.filter { processors[$0] == nil }.sorted { (loads[$0], $1) > (loads[$1], $0) }
        guard !free.isEmpty else { return shares }
        var rest = (0..<min(free.count, max(1, Int(cores) - named.count))).map { _ in (load: 0.0, models: [Int]()) }
        for model in free {
            let least = rest.indices.min { rest[$0].load < rest[$1].load } ?? 0
            rest[least].load += loads[model]
            rest[least].models.append(model)
        }
        shares += rest.map { ExecutorShare(processor: nil, models: $0.models.sorted()) }
        return shares
    }
}
