import Files
import Foundation

/// Address and token of a coordinator's interface: the file that makes `shoal` find and be let in. 0600.
public struct AdminAccess: Codable, Equatable, Sendable {
    public var url: String
    public var token: String

    public init(url: String, token: String) {
        self.url = url
        self.token = token
    }

    /// - Throws: `PrivateFileFailure`, `EncodingError`.
    public func save(to path: String) throws { try PrivateFile.write(Array(try JSONEncoder().encode(self)), to: path) }

    /// - Throws: `AdminFailure` when the file is missing, open to others or damaged.
    public static func load(from path: String) throws(AdminFailure) -> AdminAccess {
        guard PrivateFile.exists(path) else {
            throw AdminFailure(
                .unavailable, "\(path): is not there; is the coordinator running and is this its state folder?")
        }
        let bytes: [UInt8]
        do { bytes = try PrivateFile.read(path) } catch { throw AdminFailure(.invalid, error.description) }
        guard let access = try? JSONDecoder().decode(AdminAccess.self, from: Data(bytes)), !access.token.isEmpty else {
            throw AdminFailure(.invalid, "\(path): is not the access file of a coordinator")
        }
        return access
    }

    /// The access of an earlier start, or one with a new token.
    public static func loadOrCreate(at path: String, makingToken make: () -> String) throws -> AdminAccess {
        if FileManager.default.fileExists(atPath: path) { return try load(from: path) }
        let access = AdminAccess(url: "", token: make())
        try access.save(to: path)
        return access
    }
}
