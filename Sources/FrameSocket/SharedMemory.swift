import Glibc

/// Memory that an application shares with the agent: mapped here, its descriptor passed on.
public final class SharedMemory {
    public let bytes: UnsafeMutableRawBufferPointer
    public let descriptor: Int32

    /// - Parameter count: bytes.
    /// - Throws: `PacketSocket.Failure` where the machine has none left.
    public init(count: Int) throws(PacketSocket.Failure) {
        // It has no name any more once it is open.
        let name = "/shoal-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        let made = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard made >= 0 else { throw PacketSocket.Failure("shared memory") }
        shm_unlink(name)
        guard count > 0, ftruncate(made, count) == 0,
            let mapped = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0), mapped != MAP_FAILED
        else {
            close(made)
            throw PacketSocket.Failure("shared memory of \(count) bytes")
        }
        descriptor = made
        bytes = UnsafeMutableRawBufferPointer(start: mapped, count: count)
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
        close(descriptor)
    }
}

/// Memory that somebody else shares, who may do with it what he likes. It is read by copying: whoever maps memory that
/// another process then cuts short is killed.
public final class ForeignMemory: Sendable {
    /// F_GET_SEALS, which Linux answers for memory alone: no pipe, socket, device or file on a disk or network, which
    /// might make a reader wait.
    private static let getSeals: Int32 = 1_034

    private let descriptor: Int32

    /// Why a descriptor is of no use.
    public enum Refusal: Error, Equatable, CustomStringConvertible {
        case notMemory, notReadable

        public var description: String {
            switch self {
            case .notMemory:
                "the descriptor that came is not that of memory (memfd_create, or a file of /dev/shm)"
            case .notReadable: "the memory that came may not be read by its descriptor"
            }
        }
    }

    /// Takes the descriptor over.
    /// - Throws: the descriptor is closed then.
    public init(_ descriptor: Int32) throws(Refusal) {
        self.descriptor = descriptor
        var first: UInt8 = 0
        guard fcntl(descriptor, Self.getSeals) >= 0 else { throw .notMemory }
        guard pread(descriptor, &first, 1, 0) >= 0 else { throw .notReadable }
    }

    deinit { close(descriptor) }

    /// - Returns: `nil` where the memory does not have so many bytes there.
    public func read(count: Int, at offset: UInt64) -> [UInt8]? {
        guard let offset = off_t(exactly: offset), !offset.addingReportingOverflow(off_t(count)).overflow else {
            return nil
        }
        var isWhole = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let read = pread(
                    descriptor, UnsafeMutableRawPointer(buffer.baseAddress! + filled), count - filled,
                    offset + off_t(filled))
                if read < 0, errno == EINTR { continue }
                guard read > 0 else {
                    isWhole = false
                    break
                }
                filled += read
            }
        }
        return isWhole ? bytes : nil
    }
}
