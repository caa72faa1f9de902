public import FleetModel

/// Which boards learn together: those of one class with the same network and the same hooks at the start.
public struct SharingGroup: Hashable, Codable, Comparable, Sendable, CustomStringConvertible {
    public var boardClass: String
    /// Of the network's weights, as 64 hexadecimal digits.
    public var modelSHA256: String
    /// Of the hooks that all boards of the group begin with: places, fitted parts, standardisation and gates.
    public var hookSHA256: String

    public init(boardClass: String, modelSHA256: String, hookSHA256: String) {
        (self.boardClass, self.modelSHA256, self.hookSHA256) = (boardClass, modelSHA256, hookSHA256)
    }

    /// As people call it: the class and the first digits of both sums.
    public var description: String { "\(boardClass):\(modelSHA256.prefix(8)):\(hookSHA256.prefix(8))" }

    public static func < (left: SharingGroup, right: SharingGroup) -> Bool {
        (left.boardClass, left.modelSHA256, left.hookSHA256)
            < (right.boardClass, right.modelSHA256, right.hookSHA256)
    }
}

/// What one board learned since a version that all boards of its group know.
public struct GateUpdate: Equatable, Sendable {
    public var board: BoardID
    /// Rises by one with each update of the board, so that one told twice counts once.
    public var number: UInt64
    /// The version that it learned from.
    public var baseVersion: UInt64
    /// Learned minus base, parameter by parameter of all gates in order.
    public var delta: [Float]
    /// Samples that it learned from since the base.
    public var samples: UInt64
    /// Mean logistic loss of what was learned, on samples held back on the board.
    public var loss: Double
    /// When it arrived, in milliseconds since 1970, by the clock of whoever merges.
    public var arrivedAtMilliseconds: UInt64

    public init(
        board: BoardID, number: UInt64, baseVersion: UInt64, delta: [Float], samples: UInt64, loss: Double,
        arrivedAtMilliseconds: UInt64
    ) {
        (self.board, self.number, self.baseVersion, self.delta) = (board, number, baseVersion, delta)
        (self.samples, self.loss, self.arrivedAtMilliseconds) = (samples, loss, arrivedAtMilliseconds)
    }
}

/// Bounds on what boards can make the coordinator hold for sharing; a test sits at each.
public enum SharingLimits {
    /// Parameters of all gates of one network, 256 KiB.
    public static let parameters = 65_536
    /// Parameters in one message: 32 KiB, half of what a message may carry.
    public static let parametersPerPart = 8_192
    public static let parts = parameters / parametersPerPart
    /// Groups that a coordinator keeps.
    public static let groups = 64
    /// Boards of a group whose last update is kept until it is merged; with so many it is merged at once.
    public static let updates = 64
    /// Versions that are kept of a group; the oldest goes, but never the one in force.
    public static let versions = 16
    /// Largest absolute change of one parameter; gates read standardised features.
    public static let change: Float = 1_000
    /// Gates of one network.
    public static let gates = 256
    /// Losses are of logistic predictions clipped at a billionth.
    public static let loss = 64.0
}

/// Why an update cannot be merged at all; the board is named by whoever reports it.
public enum UpdateRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case wrongCount(Int, wanted: Int)
    case notFinite(parameter: Int)
    case tooLarge(parameter: Int, Float)
    case noSamples
    case impossibleLoss
    case unknownBase(UInt64, latest: UInt64)

    public var description: String {
        switch self {
        case .wrongCount(let count, let wanted): "has \(count) parameters, the gates have \(wanted)"
        case .notFinite(let parameter): "parameter \(parameter) is no finite number"
        case .tooLarge(let parameter, let value):
            "parameter \(parameter) changes by \(value), more than \(SharingLimits.change)"
        case .noSamples: "learned from no samples"
        case .impossibleLoss: "states a loss outside 0 to \(SharingLimits.loss)"
        case .unknownBase(let base, let latest): "learned from version \(base), the latest is \(latest)"
        }
    }
}

extension GateUpdate {
    /// - Parameter latest: the newest version there is.
    public func check(parameters: Int, latest: UInt64) throws(UpdateRefusal) {
        guard delta.count == parameters else { throw .wrongCount(delta.count, wanted: parameters) }
        guard samples > 0 else { throw .noSamples }
        guard (0...SharingLimits.loss).contains(loss) else { throw .impossibleLoss }
        guard baseVersion <= latest else { throw .unknownBase(baseVersion, latest: latest) }
        for (index, value) in delta.enumerated() {
            guard value.isFinite else { throw .notFinite(parameter: index) }
            guard abs(value) <= SharingLimits.change else { throw .tooLarge(parameter: index, value) }
        }
    }
}
