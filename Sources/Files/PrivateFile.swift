import Foundation

/// A small file with a secret in it: readable by its owner alone, and replaced as a whole or not at all.
public enum PrivateFile {
    /// The most bytes that are read.
    public static let sizeLimit = 16 * 1024

    /// Writes beside the file and renames, so that a crash leaves the old content or the new.
    public static func write(_ bytes: [UInt8], to path: String) throws(PrivateFileFailure) {
        let temporary = path + ".new-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw PrivateFileFailure(path, "cannot be created", errno) }
        do throws(PrivateFileFailure) {
            try write(bytes, to: file, path)
            guard fsync(file) == 0 else { throw PrivateFileFailure(path, "cannot be made durable", errno) }
        } catch {
            close(file)
            unlink(temporary)
            throw error
        }
        close(file)
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw PrivateFileFailure(path, "cannot be replaced", code)
        }
        try synchroniseFolder(of: path)
    }

    /// Refuses a file that others can read, before its content is looked at.
    public static func read(_ path: String) throws(PrivateFileFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw PrivateFileFailure(path, "cannot be opened", errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw PrivateFileFailure(path, "cannot be examined", errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PrivateFileFailure(path, "is not a regular file") }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw PrivateFileFailure(path, "has mode \(mode) and must not be open to others; set it to 600")
        }
        guard status.st_size <= sizeLimit else {
            throw PrivateFileFailure(path, "has \(status.st_size) bytes, over the limit of \(sizeLimit)")
        }
        var bytes = [UInt8](repeating: 0, count: sizeLimit)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                recv(file, into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
            }
            guard read >= 0 else { throw PrivateFileFailure(path, "cannot be read", errno) }
            guard read > 0 else { break }
            count += read
        }
        return Array(bytes.prefix(count))
    }

    /// Durably.
    public static func remove(_ path: String) throws(PrivateFileFailure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw PrivateFileFailure(path, "cannot be removed", errno) }
        try synchroniseFolder(of: path)
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func recv(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = Foundation.read(file, buffer.baseAddress, buffer.count)
            guard count < 0, errno == EINTR else { return count }
        }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(PrivateFileFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { throw PrivateFileFailure(path, "cannot be written", errno) }
            written += max(0, count)
        }
    }

    /// Without this the rename itself could be lost with the power.
    private static func synchroniseFolder(of path: String) throws(PrivateFileFailure) {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let file = open(folder, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw PrivateFileFailure(folder, "cannot be opened", errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw PrivateFileFailure(folder, "cannot be made durable", errno) }
    }
}

/// What is wrong with a file that holds a secret, in one sentence.
public struct PrivateFileFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    public let problem: String

    public init(_ path: String, _ problem: String) {
        self.path = path
        self.problem = problem
    }

    init(_ path: String, _ problem: String, _ code: Int32) {
        self.init(path, "\(problem): \(String(cString: strerror(code)))")
    }

    public var description: String { "The file \(path) \(problem)." }
}
