import Foundation

/// Address and token of a coordinator's interface: the file that makes `shoal` find and be let in. 0600.
public struct AdminAccess: Codable, Equatable, Sendable {
    public var url: String
    public var token: String

    public init(url: String, token: String) {
        self.url = url
        self.token = token
    }

    public func save(to path: String) throws {
        let temporary = path + ".tmp"
        FileManager.default.createFile(
            atPath: temporary, contents: try JSONEncoder().encode(self), attributes: [.posixPermissions: 0o600])
        guard rename(temporary, path) == 0 else {
            throw AdminFailure(.unavailable, "\(path): cannot be written")
        }
    }

    /// - Throws: `AdminFailure` when the file is missing or damaged.
    public static func load(from path: String) throws(AdminFailure) -> AdminAccess {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw AdminFailure(
                .unavailable, "\(path): cannot be read; is the coordinator running and is this its state folder?")
        }
        guard let access = try? JSONDecoder().decode(AdminAccess.self, from: data), !access.token.isEmpty else {
            throw AdminFailure(.invalid, "\(path): is not the access file of a coordinator")
        }
        return access
    }

    /// The token of an earlier start, or a new one of 256 bits.
    public static func loadOrCreate(at path: String) throws -> AdminAccess {
        if FileManager.default.fileExists(atPath: path) { return try load(from: path) }
        let token = (0..<4).map { _ in
            let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        let access = AdminAccess(url: "", token: token)
        try access.save(to: path)
        return access
    }
}
