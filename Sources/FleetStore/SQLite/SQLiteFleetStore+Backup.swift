public import AuditLog
import Foundation
import GRDB

extension SQLiteFleetStore {
    /// Copies the database to a new file while it is in use, by this process or another.
    ///
    /// The copy is one state of the fleet: SQLite's backup reads within one transaction, and with a write-ahead log
    /// nobody waits for it. It is tested, flushed to the disk and only then given its name, so that a file of that name
    /// is whole. The entry is written before, so that nothing is copied without one, and the copy tells in its own log
    /// that it is one.
    /// - Returns: bytes of the copy.
    public func backUp(to copy: String, audit: AuditDraft) async throws -> UInt64 {
        let part = copy + ".part"
        guard access(copy, F_OK) != 0 else {
            throw FleetStoreFailure.unavailable(path: copy, detail: "there is such a file already")
        }
        try Self.makePrivate(part)
        do {
            try await write { [self] in try append(audit, $0) }
            let bytes = try await onThread { try self.copyDatabase(to: part) }
            try Self.name(part, copy)
            return bytes
        } catch {
            for suffix in ["", "-wal", "-shm", "-journal"] { unlink(part + suffix) }
            throw Self.failure(error, copy)
        }
    }

    /// libsqlite blocks until all is copied.
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try body() }) }.start()
        }
    }

    private func copyDatabase(to part: String) throws -> UInt64 {
        let queue = try DatabaseQueue(path: part)
        try pool.backup(to: queue)
        let problems = try queue.read { try String.fetchAll($0, sql: "PRAGMA quick_check(1)") }
        guard problems == ["ok"] else {
            throw FleetStoreFailure.corrupt(path: part, detail: problems.joined(separator: "; "))
        }
        // The last connection moves the log into the file.
        try queue.close()
        var status = stat()
        guard stat(part, &status) == 0 else { throw Self.systemFailure(part) }
        return UInt64(clamping: status.st_size)
    }

    private static func makePrivate(_ path: String) throws(FleetStoreFailure) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw systemFailure(path) }
        Foundation.close(file)
    }

    private static func name(_ part: String, _ copy: String) throws(FleetStoreFailure) {
        try flush(part)
        // Unlike a rename it does not replace what came there meanwhile.
        guard link(part, copy) == 0, unlink(part) == 0 else { throw systemFailure(copy) }
        try flush(URL(filePath: copy).deletingLastPathComponent().path)
    }

    private static func flush(_ path: String) throws(FleetStoreFailure) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw systemFailure(path) }
        defer { Foundation.close(file) }
        guard fsync(file) == 0 else { throw systemFailure(path) }
    }

    private static func systemFailure(_ path: String) -> FleetStoreFailure {
        .unavailable(path: path, detail: String(cString: strerror(errno)))
    }
}
