import Foundation
import Glibc
import Hummingbird

/// Where the inference endpoint listens: it has no token, so that only this board can reach it.
public enum InferencePlace: Equatable, Sendable {
    /// A loopback address and a port; 0 takes a free one.
    case loopback(host: String, port: Int)
    /// A Unix socket, for its owner alone.
    case socket(path: String)

    static let loopbackHosts = ["127.0.0.1", "::1", "localhost"]
    /// Bytes of a Unix socket's path, its end included.
    static let pathLimit = 108

    struct Form: Decodable {
        var host: String?
        var port: Int?
        var socket: String?
    }

    struct Refusal: Error { let reason: String }

    init(_ form: Form, _ resolve: (String) -> String) throws(Refusal) {
        switch (form.port, form.socket) {
        case (nil, nil), (.some, .some): throw Refusal(reason: "port: give either port or socket")
        case (let port?, nil):
            guard (0...65_535).contains(port) else { throw Refusal(reason: "port: \(port) is no port") }
            let host = form.host ?? "127.0.0.1"
            guard Self.loopbackHosts.contains(host) else {
                let hosts = Self.loopbackHosts.joined(separator: ", ")
                throw Refusal(reason: "host: \(host) is not a loopback address; give one of \(hosts)")
            }
            self = .loopback(host: host, port: port)
        case (nil, let socket?):
            guard form.host == nil else { throw Refusal(reason: "host: goes with port") }
            let path = resolve(socket)
            guard path.utf8.count < Self.pathLimit else {
                throw Refusal(reason: "socket: \(path) is longer than \(Self.pathLimit - 1) bytes")
            }
            self = .socket(path: path)
        }
    }

    /// The address to bind. A socket that an earlier run has left is removed; a file of another kind is not.
    func address() throws(ConfigurationFailure) -> BindAddress {
        switch self {
        case .loopback(let host, let port): return .hostname(host, port: port)
        case .socket(let path):
            try Self.clear(path)
            return .unixDomainSocket(path: path)
        }
    }

    /// Removes a socket that an earlier run has left.
    static func clear(_ path: String) throws(ConfigurationFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ConfigurationFailure(file: path, reason: "exists and is not a socket")
        }
        guard !isHeard(path) else {
            throw ConfigurationFailure(
                file: path, reason: "another program listens on it; stop it, or name another socket")
        }
        unlink(path)
    }

    /// Whether somebody listens on the socket, of whatever type it is.
    private static func isHeard(_ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // Of another type it exists all the same; a full queue is somebody's too.
        return status == 0 || (errno != ECONNREFUSED && errno != ENOENT)
    }

    /// Shuts others out of the socket once it is there; what to tell people.
    func described(port: Int) -> String {
        switch self {
        case .loopback(let host, _): return "http://\(host):\(port)"
        case .socket(let path):
            chmod(path, 0o600)
            return path
        }
    }
}

/// The inference endpoint cannot be bound.
struct EndpointFailure: Error, CustomStringConvertible {
    let place: InferencePlace
    /// Of the system.
    let code: Int32

    var description: String {
        let name =
            switch place {
            case .loopback(let host, let port): "\(host):\(port)"
            case .socket(let path): path
            }
        return "the inference endpoint \(name) cannot be bound: \(String(cString: strerror(code)))"
    }
}
