/// How long the values of a sequence of computations are needed: from the stage that makes one to the last that reads
/// it.
public struct ValueLifetimes: Equatable, Sendable {
    /// One computation of the sequence: the names of what it reads and of what it makes. An empty name is no value.
    public struct Stage: Equatable, Sendable {
        public let reads: [String]
        public let makes: [String]

        public init(reads: [String], makes: [String]) {
            self.reads = reads
            self.makes = makes
        }
    }

    public let stages: [Stage]
    /// For each stage, in alphabetical order, the values that nothing reads after it: what it is the last to read, and
    /// what it makes for nobody.
    public let ended: [[String]]

    /// - Parameter kept: values that outlive the sequence, as its results and constants do.
    public init(_ stages: [Stage], keeping kept: Set<String>) {
        var last: [String: Int] = [:]
        for (index, stage) in stages.enumerated() {
            for name in stage.reads + stage.makes where !name.isEmpty && !kept.contains(name) { last[name] = index }
        }
        var ended = [[String]](repeating: [], count: stages.count)
        for (name, index) in last { ended[index].append(name) }
        self.stages = stages
        self.ended = ended.map { $0.sorted() }
    }

    /// The most bytes that are needed at once: a stage runs beside all that is needed by it or later, its results
    /// included.
    /// - Parameters:
    ///   - first: what is there before the first stage.
    ///   - bytes: of a value by its name.
    public func peakBytes(from first: [String], bytes: (String) -> Int) -> Int {
        func sum(_ names: [String]) -> Int { names.reduce(0) { $0 + ($1.isEmpty ? 0 : bytes($1)) } }
        var alive = sum(first)
        var peak = alive
        for (stage, ended) in zip(stages, ended) {
            alive += sum(stage.makes)
            peak = max(peak, alive)
            alive -= sum(ended)
        }
        return peak
    }
}
