public import FleetModel
import LatencyPrediction
public import SearchSpace

/// The latency predictor of a class of boards that has measured little itself: from a few subnets that its boards were
/// asked to measure, and from classes that behave alike.
///
/// Which classes behave alike is found by measurement, never by name: over the subnets that both measured (or, where
/// these are few, that the other's own measurements predict), how far the ratio of their latencies strays from its
/// middle. A class's weight falls with the square of that; it enters the sources of a `TransferredPredictor` in so many
/// of `parts` copies as its weight gives it, and the predictor's margin is the one that it states for nine in ten.
///
/// The margin is checked on what the fit never saw: the operating points that boards measured before they said hello,
/// and everything that was measured on request after it had been predicted (`MeasuredSubnet.expected`). A class asks
/// for `Settings.first` subnets, and for more up to `most` while its margin holds less than is stated.
///
/// The same measurements give the same predictor and the same next subnet, whatever their order.
public struct ClassTransfer: Sendable {
    public struct Settings: Hashable, Sendable {
        /// Subnets that a class measures, and at most where its margin does not hold.
        public var first = 10
        public var most = 20
        /// A class that has measured so many predicts by itself.
        public var enough = 40
        /// Classes that are compared, those with the most measurements, and those of them that are taken.
        public var compared = 24
        public var sources = 8
        /// What weights are counted in.
        public var parts = 24
        /// Subnets that are drawn to choose from, and known ones that are offered beside them.
        public var pool = 96
        /// Checks below which coverage says nothing.
        public var fewestChecks = 5

        public init() {}
    }

    /// A class that lends its measurements.
    public struct Source: Equatable, Sendable {
        public var key: ClassMeasurements.Key
        public var boards: [BoardID]
        /// 0...1; all together 1.
        public var weight: Double
        /// Subnets that both measured.
        public var shared: Int
        /// Median deviation of the ratio of latencies from its middle; `nil` while the class has measured too little to
        /// be compared.
        public var spread: Double?
        public var measurements: Int
    }

    /// An operating point that the fit never saw.
    public struct Check: Equatable, Sendable {
        public var boards: [BoardID]
        public var subnet: SubnetConfiguration
        public var milliseconds: Double
        public var expected: MeasuredSubnet.Expectation
        public var isWithin: Bool { expected.contains(milliseconds) }
    }

    public static let statedCoverage = 0.9
    /// Shared subnets from which classes are compared by them alone.
    private static let fewestShared = 5
    /// What ratios stray at least: measurements are no better.
    private static let leastSpread = 0.03
    /// Sources of less weight are left out.
    private static let leastWeight = 0.02

    public let key: ClassMeasurements.Key
    public let boards: [BoardID]
    /// By falling weight.
    public let sources: [Source]
    /// Subnets that the class measured on request.
    public let measured: Int
    /// Subnets that it is to have measured.
    public let wanted: Int
    /// What it is to measure next; `nil` when it has measured enough, or there is nothing that would tell more.
    public let next: SubnetConfiguration?
    public let checks: [Check]
    public let checked: Int
    public let within: Int
    /// Half width of the stated interval over the prediction, of the middle subnet of those known; `nil` without a fit.
    public let relativeMargin: Double?
    /// Why there is no predictor, where there is none.
    public let refusal: String?
    private let spelling: SubnetSpelling
    private let expectations: [String: MeasuredSubnet.Expectation]

    public var coverage: Double? { checked > 0 ? Double(within) / Double(checked) : nil }

    /// - Parameters:
    ///   - all: of the fleet; classes with another supernet are passed over.
    ///   - subnets: to be predicted beside those that were measured.
    ///   - failed: descriptions of subnets that could not be measured.
    public init(
        of own: ClassMeasurements, among all: [ClassMeasurements], predicting subnets: [SubnetConfiguration] = [],
        without failed: Set<String> = [], settings: Settings = Settings()
    ) {
        let others = all.filter { $0.key.supernetSHA256 == own.key.supernetSHA256 && $0.key != own.key }
            .sorted { ($1.subnetCount, $0.key) < ($0.subnetCount, $1.key) }.prefix(settings.compared)
        let known = ([own] + others).flatMap(\.subnets)
        let drawn = Self.drawn(settings.pool, like: known, seed: own.key.supernetSHA256)
        let shape = known.first?.shape
        let asked = subnets.filter { $0.shape != nil && $0.shape == shape }
        let spelling = SubnetSpelling(known + drawn + asked)
        let owned = own.latencies(of: own.requested, spelling)
        let sources = Self.sources(others.map { $0 }, owned, spelling, settings)
        let lent = sources.flatMap { source, latencies in
            (0..<max(1, Int((source.weight * Double(settings.parts)).rounded()))).map { (source.key, $0, latencies) }
        }
        var names: [String: SubnetConfiguration] = [:]
        for subnet in (drawn + known).sorted(by: { "\($0)" < "\($1)" }) {
            names[spelling.spell(subnet)] = names[spelling.spell(subnet)] ?? subnet
        }
        let wantedNames = Set(names.keys).union(asked.map(spelling.spell)).sorted()
        let space = TransferSpace(
            sources: lent.map { key, copy, latencies in
                Self.column("\(key.boardClass) \(key.engineVersion) \(copy)", latencies)
            }, architectures: wantedNames)
        let fit = Self.fit(space, owned, wantedNames)

        (key, boards, measured) = (own.key, own.boards.sorted(), own.requestedCount)
        (self.sources, self.spelling) = (sources.map(\.source), spelling)
        (expectations, refusal) = (fit.expectations, fit.refusal)
        relativeMargin = RankStatistics.median(
            fit.expectations.values.map { $0.highestMilliseconds / $0.milliseconds - 1 })
        checks = Self.checks(own, owned, spelling, fit.expectations)
        checked = checks.count + own.later
        within = checks.count(where: \.isWithin) + own.laterWithin
        let isShort =
            checked >= settings.fewestChecks && Double(within) < Self.statedCoverage * Double(checked)
        wanted = isShort ? settings.most : settings.first
        let candidates = names.filter { owned[$0.key] == nil && !failed.contains("\($0.value)") }
        next =
            measured < wanted
            ? Self.informative(space, names, candidates, count: settings.most, seed: own.key.supernetSHA256) : nil
    }

    /// With the margin; `nil` for a subnet that was neither measured nor asked for when the fit was made.
    public func expectation(of subnet: SubnetConfiguration) -> MeasuredSubnet.Expectation? {
        subnet.shape == nil ? nil : expectations[spelling.spell(subnet)]
    }

    // MARK: Fit

    private static func fit(
        _ space: TransferSpace, _ owned: [String: Double], _ names: [String]
    ) -> (expectations: [String: MeasuredSubnet.Expectation], refusal: String?) {
        let predictor: TransferredPredictor
        // Each is the median of repeated runs already, and a screen would take for an error what the spelling leaves
        // out.
        do {
            predictor = try TransferredPredictor(
                space: space, measured: owned, setsAside: false, trustsSources: true)
        } catch { return ([:], "\(error)") }
        var expectations: [String: MeasuredSubnet.Expectation] = [:]
        for case (let name, let prediction?) in zip(names, predictor.predict(names)) {
            expectations[name] = MeasuredSubnet.Expectation(
                milliseconds: prediction.milliseconds, lowestMilliseconds: prediction.interval.lowerBound,
                highestMilliseconds: prediction.interval.upperBound)
        }
        return (expectations, nil)
    }

    private static func column(_ name: String, _ latencies: [String: Double]) -> BoardMeasurements {
        let sorted = latencies.sorted { $0.key < $1.key }
        var measurements = BoardMeasurements(architectures: sorted.map(\.key))
        measurements.add(board: name, latencies: sorted.map(\.value))
        return measurements
    }

    /// Of the subnets that tell most, the first that was not measured.
    private static func informative(
        _ space: TransferSpace, _ names: [String: SubnetConfiguration], _ candidates: [String: SubnetConfiguration],
        count: Int, seed: String
    ) -> SubnetConfiguration? {
        var generator = SeededGenerator(seed: Self.seed(of: seed))
        // Among all, so that what was measured before stays where it was in the order.
        let chosen = space.informative(2 * count, among: names.keys.sorted(), using: &generator)
        return chosen.lazy.compactMap { candidates[$0] }.first
    }

    private static func checks(
        _ own: ClassMeasurements, _ owned: [String: Double], _ spelling: SubnetSpelling,
        _ expectations: [String: MeasuredSubnet.Expectation]
    ) -> [Check] {
        own.points.sorted { $0.key < $1.key }.compactMap { _, entry in
            let name = spelling.spell(entry.subnet)
            guard owned[name] == nil, let expected = expectations[name],
                let milliseconds = RankStatistics.median(entry.milliseconds)
            else { return nil }
            return Check(
                boards: entry.boards.sorted(), subnet: entry.subnet, milliseconds: milliseconds, expected: expected)
        }
    }

    // MARK: Similar classes

    private static func sources(
        _ others: [ClassMeasurements], _ owned: [String: Double], _ spelling: SubnetSpelling, _ settings: Settings
    ) -> [(source: Source, latencies: [String: Double])] {
        var found = others.compactMap { other -> (source: Source, latencies: [String: Double])? in
            let latencies = other.latencies(
                of: other.requested.merging(other.points) { requested, _ in requested }, spelling)
            guard latencies.count >= 3 else { return nil }
            let likeness = likeness(of: latencies, with: owned)
            let spread = max(likeness.spread ?? leastSpread, leastSpread)
            let source = Source(
                key: other.key, boards: other.boards.sorted(), weight: 1 / (spread * spread), shared: likeness.shared,
                spread: likeness.spread, measurements: latencies.count)
            return (source, latencies)
        }.sorted { ($1.source.weight, $0.source.key) < ($0.source.weight, $1.source.key) }
        found = Array(found.prefix(settings.sources))
        let total = found.reduce(0) { $0 + $1.source.weight }
        found = found.filter { $0.source.weight >= leastWeight * total }
        let kept = found.reduce(0) { $0 + $1.source.weight }
        for index in found.indices { found[index].source.weight /= kept }
        return found
    }

    /// How far the ratio of two classes' latencies strays, relative to its middle.
    private static func likeness(
        of other: [String: Double], with owned: [String: Double]
    ) -> (shared: Int, spread: Double?) {
        let shared = owned.keys.count { other[$0] != nil }
        guard owned.count >= fewestShared else { return (shared, nil) }
        var theirs = other
        if shared < fewestShared {
            let names = Set(owned.keys).union(other.keys).sorted()
            let alone = TransferSpace(sources: [], architectures: names)
            guard
                let predictor = try? TransferredPredictor(
                    space: alone, measured: other, setsAside: false, trustsSources: true)
            else { return (shared, nil) }
            for (name, prediction) in zip(names, predictor.predict(names)) where theirs[name] == nil {
                theirs[name] = prediction?.milliseconds
            }
        }
        let ratios = owned.compactMap { name, milliseconds in theirs[name].map { milliseconds / $0 } }
        guard let middle = RankStatistics.median(ratios), middle > 0 else { return (shared, nil) }
        return (shared, RankStatistics.median(ratios.map { abs($0 / middle - 1) }))
    }

    // MARK: Subnets

    /// Subnets of the supernet as far as it is known: values that a measured subnet has. The same for all classes, so
    /// that they measure the same.
    private static func drawn(_ count: Int, like known: [SubnetConfiguration], seed: String) -> [SubnetConfiguration] {
        guard let shape = known.first?.shape else { return [] }
        let resolutions = Set(known.map(\.resolution)).sorted()
        let depths = Set(known.flatMap(\.depths)).sorted()
        let used = known.flatMap { one in one.positionsInUse.map { (one.kernelSizes[$0.1], one.expandRatios[$0.1]) } }
        let (kernels, ratios) = (Set(used.map(\.0)).sorted(), Set(used.map(\.1)).sorted())
        var generator = SeededGenerator(seed: Self.seed(of: seed))
        func draw(_ values: [Int]) -> Int { values[Int(generator.next() % UInt64(values.count))] }
        return (0..<count).map { _ in
            let resolution = draw(resolutions)
            let chosen = (0..<shape.stages).map { _ in draw(depths) }
            var subnet = SubnetConfiguration(
                resolution: resolution, depths: chosen,
                kernelSizes: [Int](repeating: kernels[0], count: shape.stages * shape.positions),
                expandRatios: [Int](repeating: ratios[0], count: shape.stages * shape.positions))
            for (_, position) in subnet.positionsInUse {
                (subnet.kernelSizes[position], subnet.expandRatios[position]) = (draw(kernels), draw(ratios))
            }
            return subnet
        }
    }

    private static func seed(of sha256: String) -> UInt64 { UInt64(sha256.prefix(16), radix: 16) ?? 1 }
}

extension ClassMeasurements {
    /// Of a class, the most that enter a fit.
    private static let fittedSubnets = 200

    fileprivate var subnets: [SubnetConfiguration] { (Array(requested.values) + points.values).map(\.subnet) }
    fileprivate var subnetCount: Int { requested.count + points.count }

    /// Milliseconds by spelling; the median of all boards.
    fileprivate func latencies(of entries: [String: Entry], _ spelling: SubnetSpelling) -> [String: Double] {
        var all: [String: [Double]] = [:]
        for (_, entry) in entries.sorted(by: { $0.key < $1.key }).prefix(Self.fittedSubnets) {
            all[spelling.spell(entry.subnet), default: []] +=
                RankStatistics.median(entry.milliseconds).map { [$0] } ?? []
        }
        return all.compactMapValues(RankStatistics.median)
    }
}
