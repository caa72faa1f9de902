import Glibc

/// Why a control group or the scheduler did not take what it was told.
public struct ShareRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// The files of control groups; a port, so that tests need no kernel.
public protocol GroupFiles: Sendable {
    /// `nil` where there is no such file, or it may not be read.
    func read(_ path: String) -> String?
    func write(_ text: String, to path: String) throws(ShareRefusal)
    func makeFolder(_ path: String) throws(ShareRefusal)
    /// Of a group, which has no threads any more.
    func removeFolder(_ path: String) throws(ShareRefusal)
    /// Names of the folders in this one, in order.
    func folders(in path: String) -> [String]
}

/// The kernel's.
public struct KernelGroupFiles: GroupFiles {
    /// The kernel's texts here are short; a list of threads is the longest.
    private static let readLimit = 1 << 16

    public init() {}

    public func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < Self.readLimit {
            let count = Glibc.read(file, &piece, piece.count)
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += piece.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    public func write(_ text: String, to path: String) throws(ShareRefusal) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.refusal(path) }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // One write is one order; the kernel takes it whole or refuses it.
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw Self.refusal(path) }
    }

    public func makeFolder(_ path: String) throws(ShareRefusal) {
        guard mkdir(path, 0o755) == 0 else { throw Self.refusal(path) }
    }

    public func removeFolder(_ path: String) throws(ShareRefusal) {
        guard rmdir(path) == 0 else { throw Self.refusal(path) }
    }

    public func folders(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func refusal(_ path: String) -> ShareRefusal {
        ShareRefusal("\(path): \(String(cString: strerror(errno)))")
    }
}
