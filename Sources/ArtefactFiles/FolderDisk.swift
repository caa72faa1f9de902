public import Artefacts
import Files
import Foundation

/// A folder as the disk of a shelf or library. Files are readable by their owner alone.
public struct FolderDisk: ArtefactDisk, Sendable {
    private let folder: String

    /// Makes the folder.
    public init(_ folder: String) throws(DiskFailure) {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw DiskFailure("\(folder): cannot be made: \(error.localizedDescription)") }
    }

    public func path(of name: String) -> String {
        precondition(!name.contains("/") && !name.hasPrefix("."), "\(name) is no name in a folder")
        return folder + "/" + name
    }

    public func names() throws(DiskFailure) -> [String] {
        do {
            // What was left of a replacement that was cut short goes, too.
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
        } catch { throw DiskFailure("\(folder): cannot be listed: \(error.localizedDescription)") }
    }

    public func size(of name: String) throws(DiskFailure) -> Int? {
        var status = stat()
        guard stat(path(of: name), &status) == 0 else {
            if errno == ENOENT { return nil }
            throw failure(name, "cannot be examined")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw DiskFailure("\(path(of: name)): is no regular file") }
        return Int(status.st_size)
    }

    public func read(_ name: String, _ range: Range<Int>) throws(DiskFailure) -> [UInt8] {
        let file = open(path(of: name), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(name, "cannot be opened") }
        defer { close(file) }
        // A range may be far longer than the file.
        guard let size = try size(of: name), size > range.lowerBound else { return [] }
        let end = min(range.upperBound, size)
        var (code, offset): (Int32, Int) = (0, range.lowerBound)
        let bytes = [UInt8](unsafeUninitializedCapacity: end - offset) { buffer, initialized in
            while offset < end {
                let rest = UnsafeMutableRawBufferPointer(buffer)[initialized...]
                let count = pread(file, UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress, end - offset, offset)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    code = count < 0 ? errno : 0
                    return
                }
                (initialized, offset) = (initialized + count, offset + count)
            }
        }
        guard code == 0 else { throw failure(name, "cannot be read", code) }
        return bytes
    }

    public func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskFailure) {
        let file = open(path(of: name), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure(name, "cannot be opened") }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, offset + written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = errno
                close(file)
                throw failure(name, "cannot be written", code)
            }
            written += count
        }
        guard close(file) == 0 else { throw failure(name, "cannot be written") }
    }

    public func replace(_ name: String, with bytes: [UInt8]) throws(DiskFailure) {
        do { try PrivateFile.write(bytes, to: path(of: name)) } catch { throw DiskFailure("\(error)") }
    }

    public func publish(_ name: String, as other: String) throws(DiskFailure) {
        let file = open(path(of: name), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(name, "cannot be opened") }
        let code = fsync(file) == 0 ? 0 : errno
        close(file)
        guard code == 0 else { throw failure(name, "cannot be made durable", code) }
        guard rename(path(of: name), path(of: other)) == 0 else { throw failure(name, "cannot be renamed") }
        let place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0 else { throw failure(other, "was renamed, but its folder cannot be opened") }
        defer { close(place) }
        guard fsync(place) == 0 else { throw failure(other, "was renamed, but its folder cannot be made durable") }
    }

    public func remove(_ name: String) throws(DiskFailure) {
        guard unlink(path(of: name)) == 0 || errno == ENOENT else { throw failure(name, "cannot be removed") }
    }

    private func failure(_ name: String, _ what: String, _ code: Int32 = errno) -> DiskFailure {
        DiskFailure("\(path(of: name)): \(what): \(String(cString: strerror(code)))")
    }
}
