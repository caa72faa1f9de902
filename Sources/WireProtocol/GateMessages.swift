public import HookSharing

/// What a board says about gates that it learns together with others of its class. The coordinator knows the class.
///
///     joined    version in use; said after welcome and whenever it changes
///     part      of an update, in order; acknowledged as a whole, once it is durable, and said again until then
///     wanted    a part of a version that was announced
///     scored    what a candidate is worth here; said once
///
/// Numbers travel as changes since the hooks at the start, which every board has.
public struct GateReport: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        case joined(parameters: Int, gates: Int, version: UInt64)
        case part(GateUpdatePart)
        case wanted(version: UInt64, part: Int)
        case scored(version: UInt64, samples: UInt64, loss: Double, lossBefore: Double, gates: [GateScore])
    }

    /// 64 hexadecimal digits.
    public var modelSHA256: String
    public var hookSHA256: String
    public var content: Content

    public init(modelSHA256: String, hookSHA256: String, _ content: Content) {
        (self.modelSHA256, self.hookSHA256, self.content) = (modelSHA256, hookSHA256, content)
    }
}

/// Up to `SharingLimits.parametersPerPart` values of an update.
public struct GateUpdatePart: Equatable, Sendable {
    public var number: UInt64
    public var baseVersion: UInt64
    public var samples: UInt64
    public var loss: Double
    /// Of the whole update.
    public var parameters: Int
    /// From 0.
    public var part: Int
    public var values: [Float]

    public init(
        number: UInt64, baseVersion: UInt64, samples: UInt64, loss: Double, parameters: Int, part: Int,
        values: [Float]
    ) {
        (self.number, self.baseVersion, self.samples, self.loss) = (number, baseVersion, samples, loss)
        (self.parameters, self.part, self.values) = (parameters, part, values)
    }
}

/// What the coordinator says of them.
public struct GateOrder: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        /// The update is durable.
        case acknowledged(number: UInt64)
        /// A version to use, or a candidate to score; `sha256` of its values as little-endian floats.
        case announced(version: UInt64, isCandidate: Bool, sha256: String, gates: [GateScore])
        case part(version: UInt64, part: Int, values: [Float])
    }

    public var modelSHA256: String
    public var hookSHA256: String
    public var content: Content

    public init(modelSHA256: String, hookSHA256: String, _ content: Content) {
        (self.modelSHA256, self.hookSHA256, self.content) = (modelSHA256, hookSHA256, content)
    }
}

extension SharingLimits {
    /// Parts of so many parameters.
    public static func partCount(_ parameters: Int) -> Int {
        (parameters + parametersPerPart - 1) / parametersPerPart
    }

    /// The values of a part.
    public static func range(of part: Int, parameters: Int) -> Range<Int> {
        let start = min(part * parametersPerPart, parameters)
        return start..<min(start + parametersPerPart, parameters)
    }
}
