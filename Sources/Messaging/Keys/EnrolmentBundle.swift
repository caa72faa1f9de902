public import Files
import Foundation

/// Everything a board needs to join: a file made by the coordinator's operator and carried to the board. It holds a
/// one-time token, so it is kept as a secret.
///
/// Where several coordinators serve the fleet, the two lists name all of them, and the single addresses one that older
/// agents know alone.
public struct EnrolmentBundle: Equatable, Codable, Sendable {
    public var enrolmentEndpoint: String
    public var fleetEndpoint: String
    public var serverPublicKey: PublicKey
    public var token: String
    /// `nil`: the one alone.
    public var enrolmentEndpoints: [String]?
    public var fleetEndpoints: [String]?

    public init(enrolmentEndpoint: String, fleetEndpoint: String, serverPublicKey: PublicKey, token: String) {
        self.enrolmentEndpoint = enrolmentEndpoint
        self.fleetEndpoint = fleetEndpoint
        self.serverPublicKey = serverPublicKey
        self.token = token
    }

    /// Every address once; never empty.
    public var allEnrolmentEndpoints: [String] { Self.all(enrolmentEndpoint, enrolmentEndpoints) }
    public var allFleetEndpoints: [String] { Self.all(fleetEndpoint, fleetEndpoints) }

    private static func all(_ one: String, _ more: [String]?) -> [String] { Array(Set([one] + (more ?? []))).sorted() }

    public func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try PrivateFile.write(Array(try encoder.encode(self)) + [UInt8(ascii: "\n")], to: path)
    }

    /// Throws `PrivateFileFailure` when the file is open to others, or is not a bundle.
    public static func load(from path: String) throws(PrivateFileFailure) -> EnrolmentBundle {
        let bytes = try PrivateFile.read(path)
        do {
            return try JSONDecoder().decode(EnrolmentBundle.self, from: Data(bytes))
        } catch {
            throw PrivateFileFailure(path, "is not an enrolment bundle")
        }
    }
}
