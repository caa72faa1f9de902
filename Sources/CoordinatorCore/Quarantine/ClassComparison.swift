import FleetModel
import SearchSpace

/// Boards whose latencies are not those of their class: by the median, over the subnets that both know, of the ratio of
/// the board's milliseconds to the middle of its class.
///
/// - Three boards and more know a subnet: the centre is the median over all of them, which fewer than half do not move.
/// - Two do: there is no centre. Where they differ by more than `farthest`, the one that is further from the rest of
///   the fleet by as much is named; where that does not tell them apart, both are, for one of them is wrong.
/// - One does: the centre is the middle of milliseconds per operation on boards of other classes, of which there must
///   be three; only what is `impossible` times as far is named, for classes may differ.
///
/// Boards of a class behave alike; what throttles one of them, or a busy minute at its start, is a factor of two to
/// four.
struct ClassComparison {
    /// How many times as slow or fast as its class a board may be.
    static let farthest = 10.0
    /// The same against boards of other classes.
    static let impossible = 1_000.0
    private static let fewest = 3

    private struct Key: Hashable {
        var boardClass: String
        var model: String
        var subnet: SubnetConfiguration
    }

    /// By board, why its numbers are not believed.
    private(set) var findings: [BoardID: String] = [:]
    private let boards: [BoardDescription]
    private var known: [Key: [Double]] = [:]
    private var pairs: [Key: [BoardID]] = [:]
    /// Milliseconds per operation, by board.
    private var speeds: [BoardID: Double] = [:]

    /// - Parameter boards: with possible figures.
    init(_ boards: [BoardDescription]) {
        self.boards = boards
        for board in boards {
            var speeds: [Double] = []
            for (key, point) in Self.points(of: board) {
                known[key, default: []].append(point.latencyMilliseconds)
                if known[key, default: []].count <= 2 { pairs[key, default: []].append(board.id) }
                if point.flops > 0 { speeds.append(point.latencyMilliseconds / Double(point.flops)) }
            }
            self.speeds[board.id] = RankStatistics.median(speeds)
        }
        let centres = known.filter { $0.value.count >= Self.fewest }.compactMapValues(RankStatistics.median)
        let references = references()
        for board in boards { findings[board.id] = finding(board, centres, references[board.boardClass]) }
    }

    /// Each subnet once: a board has one word.
    private static func points(of board: BoardDescription) -> [Key: OperatingPoint] {
        var points: [Key: OperatingPoint] = [:]
        for model in board.models {
            for point in model.points {
                let key = Key(
                    boardClass: board.boardClass, model: model.supernetSHA256 ?? model.name.rawValue,
                    subnet: point.configuration)
                points[key] = points[key] ?? point
            }
        }
        return points
    }

    private func finding(_ board: BoardDescription, _ centres: [Key: Double], _ reference: Double?) -> String? {
        let points = Self.points(of: board)
        let ratios = points.compactMap { key, point in centres[key].map { point.latencyMilliseconds / $0 } }
        if let ratio = RankStatistics.median(ratios) {
            guard Self.distance(ratio) > Self.farthest else { return nil }
            return
                "takes \(Self.text(ratio)) of what its class takes, by \(ratios.count) subnets that other boards know"
        }
        let shared = points.filter { known[$0.key]?.count == 2 }
        let other = shared.keys.lazy.compactMap { pairs[$0]?.first { $0 != board.id } }.first
        if let other, let ratio = RankStatistics.median(shared.compactMap { ratio($0.key, $0.value) }) {
            return pairFinding(board.id, other, ratio, reference)
        }
        guard let reference, let speed = speeds[board.id], Self.distance(speed / reference) > Self.impossible else {
            return nil
        }
        return
            "takes \(Self.text(speed / reference)) of the time that boards of other classes take for as many operations"
    }

    /// Of two that know it.
    private func ratio(_ key: Key, _ point: OperatingPoint) -> Double? {
        guard let both = known[key], both.count == 2 else { return nil }
        let own = point.latencyMilliseconds
        return own / (both[0] == own ? both[1] : both[0])
    }

    private func pairFinding(_ board: BoardID, _ other: BoardID, _ ratio: Double, _ reference: Double?) -> String? {
        guard Self.distance(ratio) > Self.farthest else { return nil }
        let head = "takes \(Self.text(ratio)) of what \(other) takes, the only other board of its class"
        guard let reference, let own = speeds[board], let their = speeds[other] else {
            return head + "; which of the two is wrong cannot be told"
        }
        let (mine, theirs) = (Self.distance(own / reference), Self.distance(their / reference))
        if theirs >= Self.farthest * mine { return nil }
        return mine >= Self.farthest * theirs
            ? head + " as the rest of the fleet does" : head + "; which of the two is wrong cannot be told"
    }

    /// By class, the middle of all boards of other classes; `nil` where these are few.
    private func references() -> [String: Double] {
        let classes = Dictionary(grouping: boards, by: \.boardClass).mapValues { $0.compactMap { speeds[$0.id] } }
        guard classes.count > 1 else { return [:] }
        var references: [String: Double] = [:]
        // Only few boards ask: those that no other board of their class can speak for.
        for (name, own) in classes where own.count <= 2 {
            let others = classes.filter { $0.key != name }.flatMap(\.value)
            if others.count >= Self.fewest { references[name] = RankStatistics.median(others) }
        }
        return references
    }

    private static func distance(_ ratio: Double) -> Double { max(ratio, 1 / ratio) }

    private static func text(_ ratio: Double) -> String {
        ratio >= 1 ? "\((ratio * 10).rounded() / 10) times" : "1/\((10 / ratio).rounded() / 10)"
    }
}
