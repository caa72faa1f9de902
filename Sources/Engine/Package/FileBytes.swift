#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Whole files as bytes: bounded reads, atomic writes.
package enum FileBytes {
    /// Reads a regular file.
    /// - Throws: when the file cannot be read, is not a regular file, or is larger than `limit` bytes.
    package static func read(from path: String, limit: Int) throws(ReadingFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemFailure("cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemFailure("cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ReadingFailure(status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file")
        }
        let size = Int(status.st_size)
        guard size <= limit else {
            throw ReadingFailure("has \(size) bytes, more than the \(limit) that are read")
        }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while initialized < size {
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[initialized...])
                let count = uninterrupted { systemRead(descriptor, rest.baseAddress, rest.count) }
                if count < 0 { code = errno }
                guard count > 0 else { return }
                initialized += count
            }
        }
        guard code == 0 else { throw systemFailure("cannot be read", code) }
        guard bytes.count == size else { throw ReadingFailure("became shorter while it was read") }
        return bytes
    }

    /// Replaces the file in one step: readers see the old content or the new, also after a power cut.
    package static func write(_ bytes: [UInt8], to path: String) throws(ReadingFailure) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw systemFailure("cannot be created") }
        var code = writeAll(bytes, descriptor)
        if code == 0, fsync(descriptor) != 0 { code = errno }
        if close(descriptor) != 0, code == 0 { code = errno }
        if code == 0, rename(temporary, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(temporary)
            throw systemFailure("cannot be written", code)
        }
        try synchronize(folder: folder)
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let part = UnsafeRawBufferPointer(rebasing: buffer[written...])
                let count = uninterrupted { systemWrite(descriptor, part.baseAddress, part.count) }
                guard count > 0 else { return count < 0 ? errno : EIO }
                written += count
            }
            return 0
        }
    }

    /// The rename is lasting once its folder is.
    private static func synchronize(folder: String) throws(ReadingFailure) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemFailure("was written, but its folder cannot be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemFailure("was written, but its folder cannot be flushed") }
    }

    private static func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func systemFailure(_ what: String, _ code: Int32 = errno) -> ReadingFailure {
        ReadingFailure("\(what): \(String(cString: strerror(code)))")
    }
}

// Free functions, because the names of the type's own members hide the system's.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, buffer, count)
}
