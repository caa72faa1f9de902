import Glibc

/// A Unix socket of packets, which may carry a descriptor each. Closed with its last reference.
///
/// @unchecked because the descriptor is constant, and the system's calls may be made by any thread.
public final class PacketSocket: @unchecked Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String

        init(_ what: String) { description = what + ": " + String(cString: strerror(errno)) }
    }

    /// Bytes of a path, its end included.
    public static let pathLimit = 108

    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    // MARK: Opening

    /// - Throws: `Failure` where nobody listens at the path, or it cannot be a socket's.
    public static func connected(to path: String) throws(Failure) -> PacketSocket {
        let made = try PacketSocket.made()
        try made.withAddress(path) { connect($0, $1, $2) }
        return made
    }

    /// Listens for its owner alone.
    /// - Throws: `Failure` where something else is at the path.
    public static func listening(at path: String) throws(Failure) -> PacketSocket {
        let made = try PacketSocket.made()
        let mask = umask(0o177)
        defer { umask(mask) }
        try made.withAddress(path) { bind($0, $1, $2) }
        guard listen(made.descriptor, 16) == 0 else { throw Failure(path) }
        return made
    }

    private static func made() throws(Failure) -> PacketSocket {
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = socket(AF_UNIX, type, 0)
        guard made >= 0 else { throw Failure("socket") }
        return PacketSocket(made)
    }

    private func withAddress(
        _ path: String, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Failure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < Self.pathLimit else {
            errno = ENAMETOOLONG
            throw Failure(path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Failure(path) }
    }

    /// The next connection; `nil` once the socket is shut.
    public func accepted() -> PacketSocket? {
        while true {
            let peer = accept(descriptor, nil, nil)
            if peer >= 0 {
                _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
                return PacketSocket(peer)
            }
            // A peer that has gone, or no descriptors left for now.
            guard [EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) else { return nil }
            if errno != EINTR, errno != ECONNABORTED { usleep(10_000) }
        }
    }

    /// Ends every wait on it, here and at the other end.
    public func shut() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    // MARK: Packets

    /// - Parameter waits: whether to wait for room; without it a peer that does not read loses the packet.
    /// - Returns: whether it was sent whole.
    public func send(_ packet: [UInt8], descriptor passed: Int32? = nil, waits: Bool) -> Bool {
        let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
        return packet.withUnsafeBytes { bytes in
            var part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
            var control = Control()
            return withUnsafeMutablePointer(to: &part) { part in
                withUnsafeMutableBytes(of: &control) { control in
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = (part, 1)
                    if let passed {
                        control.storeBytes(of: Control.head + 4, as: Int.self)
                        control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
                        control.storeBytes(of: Control.rights, toByteOffset: 12, as: Int32.self)
                        control.storeBytes(of: passed, toByteOffset: Control.head, as: Int32.self)
                        (message.msg_control, message.msg_controllen) = (control.baseAddress, Control.head + 8)
                    }
                    while true {
                        let sent = sendmsg(descriptor, &message, flags)
                        if sent >= 0 || errno != EINTR { return sent == bytes.count }
                    }
                }
            }
        }
    }

    /// A control message of one header and up to four descriptors, as Linux lays it out on 64-bit machines.
    private struct Control {
        static let head = 16
        /// SCM_RIGHTS
        static let rights: Int32 = 1
        var words: (Int, Int, Int, Int) = (0, 0, 0, 0)
    }

    public struct Packet {
        public var count: Int
        /// The buffer was too small for it.
        public var isCut: Bool
        /// Of the descriptor that came along; it belongs to the caller. Further ones were closed.
        public var descriptor: Int32?
    }

    /// Waits for the next packet.
    /// - Returns: `nil` once the peer has gone.
    public func receive(into buffer: inout [UInt8]) -> Packet? {
        buffer.withUnsafeMutableBytes { bytes -> Packet? in
            var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            var control = Control()
            return withUnsafeMutablePointer(to: &part) { part -> Packet? in
                withUnsafeMutableBytes(of: &control) { control -> Packet? in
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = (part, 1)
                    (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
                    var count = -1
                    repeat {
                        // MSG_CMSG_CLOEXEC
                        count = recvmsg(descriptor, &message, 0x4000_0000)
                    } while count < 0 && errno == EINTR
                    let passed = Self.descriptors(control, message.msg_controllen)
                    for extra in passed.dropFirst() { Glibc.close(extra) }
                    // An empty packet reads like the end; nobody sends one.
                    guard count > 0 else {
                        if let first = passed.first { Glibc.close(first) }
                        return nil
                    }
                    let isCut = message.msg_flags & Int32(MSG_TRUNC) != 0
                    return Packet(count: count, isCut: isCut, descriptor: passed.first)
                }
            }
        }
    }

    private static func descriptors(_ control: UnsafeMutableRawBufferPointer, _ length: Int) -> [Int32] {
        guard length >= Control.head + 4, control.load(fromByteOffset: 8, as: Int32.self) == SOL_SOCKET,
            control.load(fromByteOffset: 12, as: Int32.self) == Control.rights
        else { return [] }
        let end = min(control.load(as: Int.self), length, control.count)
        return stride(from: Control.head, through: end - 4, by: 4).map {
            control.load(fromByteOffset: $0, as: Int32.self)
        }
    }
}
