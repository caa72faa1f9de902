public import FleetModel

/// One version of an artefact, as rollouts name it: the room of artefacts knows what kinds and names there are.
public struct ArtefactVersion: Equatable, Codable, Sendable, CustomStringConvertible {
    /// As people write it, such as `hook-version`.
    public var kind: String
    /// Of the model.
    public var name: ModelName
    public var version: UInt64

    public init(kind: String, name: ModelName, version: UInt64) {
        (self.kind, self.name, self.version) = (kind, name, version)
    }

    public var description: String { "\(kind)/\(name) version \(version)" }

    /// Whether both are versions of one artefact.
    public func isOfSame(_ other: ArtefactVersion) -> Bool { kind == other.kind && name == other.name }
}
