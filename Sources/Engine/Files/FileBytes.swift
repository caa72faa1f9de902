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
        let (descriptor, size) = try open(path, limit: limit)
        defer { close(descriptor) }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            (initialized, code) = readAll(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
        }
        guard code == 0 else { throw systemFailure("cannot be read", code) }
        guard bytes.count == size else { throw ReadingFailure("became shorter while it was read") }
        return bytes
    }

    /// Reads a regular file to memory at a multiple of 64 bytes.
    /// - Returns: the memory and how many bytes of it are the file's; the rest is zero.
    package static func readAligned(from path: String, limit: Int) throws(ReadingFailure) -> (
        memory: AlignedBuffer, Int
    ) {
        let (descriptor, size) = try open(path, limit: limit)
        defer { close(descriptor) }
        let memory = AlignedBuffer(count: (size + 3) / 4)
        let (count, code) = readAll(descriptor, into: UnsafeMutableRawBufferPointer(start: memory.base, count: size))
        guard code == 0 else { throw systemFailure("cannot be read", code) }
        guard count == size else { throw ReadingFailure("became shorter while it was read") }
        return (memory, size)
    }

    /// Opens a regular file of at most `limit` bytes for reading.
    package static func open(_ path: String, limit: Int) throws(ReadingFailure) -> (descriptor: Int32, size: Int) {
        let descriptor = systemOpen(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemFailure("cannot be opened") }
        do throws(ReadingFailure) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw systemFailure("cannot be examined") }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw ReadingFailure(status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file")
            }
            guard status.st_size <= limit else {
                throw ReadingFailure("has \(status.st_size) bytes, more than the \(limit) that are read")
            }
            return (descriptor, Int(status.st_size))
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// - Returns: how many bytes were read, and the system's code where it failed.
    private static func readAll(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> (Int, Int32) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = uninterrupted { systemRead(descriptor, rest.baseAddress, rest.count) }
            guard count > 0 else { return (done, count < 0 ? errno : 0) }
            done += count
        }
        return (done, 0)
    }

    /// Replaces the file in one step: readers see the old content or the new, also after a power cut.
    /// - Parameter rest: more content, from memory that the caller keeps.
    package static func write(
        _ bytes: [UInt8], then rest: [UnsafeRawBufferPointer] = [], to path: String
    ) throws(ReadingFailure) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        let descriptor = systemOpen(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw systemFailure("cannot be created") }
        var code = bytes.withUnsafeBytes { writeAll($0, descriptor) }
        for part in rest where code == 0 { code = writeAll(part, descriptor) }
        if code == 0, fsync(descriptor) != 0 { code = errno }
        if close(descriptor) != 0, code == 0 { code = errno }
        if code == 0, rename(temporary, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(temporary)
            throw systemFailure("cannot be written", code)
        }
        try synchronize(folder: folder)
        removeLeftovers(of: path, in: folder)
    }

    /// A program that is killed while it writes leaves its temporary file; a later write of the same file removes it.
    private static let leftoverSeconds = 3_600

    /// Nobody takes an hour to write one file, whatever process it is.
    private static func removeLeftovers(of path: String, in folder: String) {
        guard let entries = opendir(folder) else { return }
        defer { closedir(entries) }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        while let entry = readdir(entries) {
            let other = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard other.hasPrefix(name + "."), other.hasSuffix(".tmp") else { continue }
            let numbers = other.dropFirst(name.count + 1).dropLast(4).split(separator: ".")
            var information = stat()
            guard numbers.count == 2, numbers.allSatisfy({ UInt32($0) != nil }),
                stat(folder + other, &information) == 0, time(nil) - information.st_mtim.tv_sec > leftoverSeconds
            else { continue }
            unlink(folder + other)
        }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) -> Int32 {
        var written = 0
        while written < bytes.count {
            let part = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = uninterrupted { systemWrite(descriptor, part.baseAddress, part.count) }
            guard count > 0 else { return count < 0 ? errno : EIO }
            written += count
        }
        return 0
    }

    /// The rename is lasting once its folder is.
    private static func synchronize(folder: String) throws(ReadingFailure) {
        let descriptor = systemOpen(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
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

    package static func systemFailure(_ what: String, _ code: Int32 = errno) -> ReadingFailure {
        ReadingFailure("\(what): \(String(cString: strerror(code)))")
    }
}

// Free functions, because the names of the type's own members hide the system's.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 { open(path, flags, mode) }

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, buffer, count)
}
