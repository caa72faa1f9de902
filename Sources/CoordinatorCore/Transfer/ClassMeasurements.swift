public import FleetModel
import SearchSpace

/// What boards of one class measured of one supernet with one engine: on request, and of their operating points before
/// they said hello. Of the agents' processor alone.
public struct ClassMeasurements: Equatable, Sendable {
    public struct Key: Hashable, Comparable, Sendable, CustomStringConvertible {
        public var boardClass: String
        public var supernetSHA256: String
        public var engineVersion: String

        public init(boardClass: String, supernetSHA256: String, engineVersion: String) {
            (self.boardClass, self.supernetSHA256, self.engineVersion) = (boardClass, supernetSHA256, engineVersion)
        }

        public var description: String {
            "\(boardClass), supernet \(supernetSHA256.prefix(8)), engine \(engineVersion)"
        }

        public static func < (left: Key, right: Key) -> Bool {
            (left.supernetSHA256, left.boardClass, left.engineVersion)
                < (right.supernetSHA256, right.boardClass, right.engineVersion)
        }
    }

    /// One subnet, and milliseconds of every time that it was measured.
    struct Entry: Equatable, Sendable {
        var subnet: SubnetConfiguration
        var milliseconds: [Double] = []
        var boards: Set<BoardID> = []
    }

    /// The most boards of a class whose operating points are taken, the first by name.
    public static let pointBoards = 8

    public let key: Key
    public private(set) var boards: Set<BoardID> = []
    /// By the subnet's description, which ignores positions that are not in use.
    private(set) var requested: [String: Entry] = [:]
    private(set) var points: [String: Entry] = [:]
    /// Measurements that were predicted when they were asked for, and of these those within the margin.
    public private(set) var later = 0
    public private(set) var laterWithin = 0

    /// Subnets that boards measured on request.
    public var requestedCount: Int { requested.count }

    /// Of the whole fleet, in the order of their keys.
    /// - Parameters:
    ///   - boards: as they describe themselves; those that are not to be learned from left out.
    ///   - measured: on request.
    ///   - quarantined: boards from which nothing is learned.
    public static func all(
        boards: [BoardDescription], measured: [MeasuredSubnet], without quarantined: Set<BoardID> = []
    ) -> [ClassMeasurements] {
        var classes: [Key: ClassMeasurements] = [:]
        for one in measured where !quarantined.contains(one.board) && one.medianMilliseconds.isLatency {
            let key = Key(
                boardClass: one.boardClass, supernetSHA256: one.supernetSHA256, engineVersion: one.engineVersion)
            classes[key, default: ClassMeasurements(key: key)].add(one)
        }
        for board in boards.sorted(by: { $0.id < $1.id }) where !quarantined.contains(board.id) {
            for model in board.models {
                guard let sha256 = model.supernetSHA256 else { continue }
                let key = Key(
                    boardClass: board.boardClass, supernetSHA256: sha256, engineVersion: board.engineVersion)
                classes[key, default: ClassMeasurements(key: key)].add(model.points, of: board.id)
            }
        }
        let shapes = Self.shapes(of: classes.values)
        return classes.values.map { one in
            var one = one
            let shape = shapes[one.key.supernetSHA256]
            one.requested = one.requested.filter { $0.value.subnet.shape == shape }
            one.points = one.points.filter { $0.value.subnet.shape == shape }
            one.strikeOut()
            return one
        }.sorted { $0.key < $1.key }
    }

    private init(key: Key) { self.key = key }

    private mutating func add(_ one: MeasuredSubnet) {
        guard one.configuration.shape != nil else { return }
        boards.insert(one.board)
        let name = "\(one.configuration)"
        requested[name, default: Entry(subnet: one.configuration)].milliseconds.append(one.medianMilliseconds)
        requested[name]?.boards.insert(one.board)
        guard let expected = one.expected else { return }
        later += 1
        if expected.contains(one.medianMilliseconds) { laterWithin += 1 }
    }

    private mutating func add(_ points: [OperatingPoint], of board: BoardID) {
        let known = Set(self.points.values.flatMap(\.boards))
        guard known.contains(board) || known.count < Self.pointBoards else { return }
        for point in points where point.latencyMilliseconds.isLatency && point.configuration.shape != nil {
            boards.insert(board)
            let name = "\(point.configuration)"
            self.points[name, default: Entry(subnet: point.configuration)].milliseconds.append(
                point.latencyMilliseconds)
            self.points[name]?.boards.insert(board)
        }
    }

    /// Leaves out what was measured on request and is unlike anything that boards of the class told of in their hello.
    private mutating func strikeOut() {
        guard let range = Self.range(of: points.values.compactMap { RankStatistics.median($0.milliseconds) }) else {
            return
        }
        for name in requested.keys { requested[name]?.milliseconds.removeAll { !range.contains($0) } }
        requested = requested.filter { !$0.value.milliseconds.isEmpty }
    }

    /// Why a measurement is not believed: it is further than `ClassComparison.farthest` beyond what boards of its class
    /// say of their operating points.
    /// - Parameter boards: those that are believed.
    public static func doubt(_ one: MeasuredSubnet, among boards: [BoardDescription]) -> String? {
        let points = boards.filter { $0.boardClass == one.boardClass && $0.id != one.board }
            .flatMap(\.models).filter { $0.supernetSHA256 == one.supernetSHA256 }.flatMap(\.points)
        let own = boards.filter { $0.id == one.board }.flatMap(\.models)
            .filter { $0.supernetSHA256 == one.supernetSHA256 }.flatMap(\.points)
        let middles = Dictionary(grouping: points.isEmpty ? own : points, by: \.configuration).values.compactMap {
            RankStatistics.median($0.map(\.latencyMilliseconds))
        }
        guard let range = range(of: middles), !range.contains(one.medianMilliseconds) else { return nil }
        return "measured \(one.medianMilliseconds) ms of a subnet where its class takes "
            + "\(range.lowerBound * ClassComparison.farthest) to \(range.upperBound / ClassComparison.farthest)"
    }

    private static func range(of milliseconds: [Double]) -> ClosedRange<Double>? {
        guard let fastest = milliseconds.min(), let slowest = milliseconds.max() else { return nil }
        return fastest / ClassComparison.farthest...slowest * ClassComparison.farthest
    }

    /// Of each supernet the shape that most of its subnets have: a board that tells of others is not heard.
    private static func shapes(
        of classes: some Sequence<ClassMeasurements>
    ) -> [String: SubnetConfiguration.Shape] {
        var counts: [String: [SubnetConfiguration.Shape: Int]] = [:]
        for one in classes {
            for entry in Array(one.requested.values) + one.points.values {
                guard let shape = entry.subnet.shape else { continue }
                counts[one.key.supernetSHA256, default: [:]][shape, default: 0] += entry.boards.count
            }
        }
        return counts.compactMapValues { $0.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key }
    }
}

extension Double {
    /// Whether a board can have measured so many milliseconds.
    var isLatency: Bool { isFinite && self > 0 && self <= BoardDescription.latencyLimitMilliseconds }
}

extension MeasuredSubnet.Expectation {
    /// Whether a measurement is within the margin.
    public func contains(_ measured: Double) -> Bool {
        measured >= lowestMilliseconds && measured <= highestMilliseconds
    }
}
