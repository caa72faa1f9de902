package import Engine
import Glibc

/// A whole regular file, mapped for reading; unmapped when the last reference to it is gone.
///
/// Whoever replaces the file by renaming another leaves the mapping whole. Whoever cuts the file itself short ends the
/// process at its next access (SIGBUS), so nothing here stays mapped longer than it is being read.
///
/// @unchecked because the mapping is never written and its bounds never change.
package final class MappedFile: @unchecked Sendable {
    private let bytes: UnsafeRawBufferPointer

    /// - Throws: when the file cannot be read, is not a regular file, or is larger than `limit` bytes.
    package init(_ path: String, limit: Int) throws(ReadingFailure) {
        let (descriptor, size) = try FileBytes.open(path, limit: limit)
        defer { close(descriptor) }
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw FileBytes.systemFailure("cannot be mapped")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit { if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) } }

    /// Hands out the file's bytes for the time of a call, during which they stay mapped.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    /// Takes the pages that lie within a range out of this process's memory; reading them again maps them again.
    package func forget(_ range: Range<Int>) {
        guard let start = bytes.baseAddress else { return }
        let page = sysconf(Int32(_SC_PAGESIZE))
        let first = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard first < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
    }
}
