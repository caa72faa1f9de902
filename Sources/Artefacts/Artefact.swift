public import FleetModel

/// What an artefact is. The numbers stand in manifests and are never reused.
public enum ArtefactKind: UInt8, Sendable, CaseIterable {
    /// A package of a network or supernet; boards take it over when their agent starts.
    case modelPackage = 1
    /// Operating points of a model; likewise.
    case subnetTable = 2
    /// A hook file; a running agent takes it over between two frames.
    case hookVersion = 3
    /// The policies that name a model, made by the coordinator of what is applied; a running agent takes them over.
    case policy = 4

    /// Whether a running agent takes a version over; others wait for its next start.
    public var isTakenOverAtOnce: Bool { self == .hookVersion || self == .policy }

    /// As people write it.
    public var name: String {
        switch self {
        case .modelPackage: "model-package"
        case .subnetTable: "subnet-table"
        case .hookVersion: "hook-version"
        case .policy: "policy"
        }
    }

    public init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }
}

/// Versions of one kind for the models of one name. The name is a model's, so that it holds nothing that means
/// something in a path.
public struct ArtefactID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public var kind: ArtefactKind
    public var name: ModelName

    public init(_ kind: ArtefactKind, _ name: ModelName) { (self.kind, self.name) = (kind, name) }

    public var description: String { "\(kind.name)/\(name)" }

    public static func < (left: ArtefactID, right: ArtefactID) -> Bool {
        (left.name.rawValue, left.kind.rawValue) < (right.name.rawValue, right.kind.rawValue)
    }
}

/// Bounds on artefacts and on what is said of them; a test sits at each.
public enum ArtefactLimits {
    /// Bytes of one artefact.
    public static let bytes = 4 << 30
    /// Bytes of a chunk: with its proof it has to fit into one message.
    public static let chunkBytes = 32 << 10
    /// Sums of a chunk's proof: enough for `bytes` in chunks of `chunkBytes`.
    public static let proofSums = 17
    /// Artefacts that one board may be told to hold: each kind for each model.
    public static let perBoard = FleetLimits.modelsPerBoard * ArtefactKind.allCases.count
    /// Chunks that a board may ask for at once.
    public static let window = 16
    /// Changes of the signing key that the coordinator can prove.
    public static let rotations = 48
    /// Versions in the coordinator's library, of all artefacts.
    public static let versions = 1_024
    /// Contents that a board remembers as unusable, for each artefact.
    public static let badPerArtefact = 16
    /// Finds of damage that one state of a board tells; others wait for the next.
    public static let damagePerState = 16
    /// Bytes of a reason.
    public static let reasonBytes = 200
}

/// Why bytes are no manifest, key or shelf, in one sentence.
public struct ArtefactFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
