import Foundation

/// The right of one process to write to a folder: a lock on the file `lock` in it, which the system gives back however
/// the process ends.
public final class FolderLock: Sendable {
    private let file: Int32

    /// - Throws: `FolderInUse` while another holds it, `PrivateFileFailure` where the file cannot be made.
    public init(_ folder: String) throws {
        let path = folder + "/lock"
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw PrivateFileFailure(path, "cannot be created", errno) }
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(file)
            guard code == EWOULDBLOCK else { throw PrivateFileFailure(path, "cannot be locked", code) }
            throw FolderInUse(folder: folder)
        }
    }

    deinit { close(file) }
}

/// Another process writes to the folder.
public struct FolderInUse: Error, Equatable, Sendable, CustomStringConvertible {
    public let folder: String

    public var description: String {
        "The state folder \(folder) is in use by another process; give each program a folder of its own."
    }
}
