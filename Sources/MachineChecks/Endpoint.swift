import Foundation

/// A place in the network as it is written in settings: `tcp://HOST:PORT` or `http://HOST:PORT`.
public struct Endpoint: Equatable, Sendable {
    public var host: String
    public var port: Int

    /// - Returns: `nil` where it names no host and port.
    public init?(_ text: String) {
        guard let place = URLComponents(string: text), let host = place.host, !host.isEmpty, let port = place.port,
            (1...65_535).contains(port)
        else { return nil }
        // IPv6 addresses stand in brackets.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
    }

    /// Its name has an address, and something takes connections there. Ask on a thread that may wait: the system's
    /// resolver takes as long as it takes.
    /// - Parameter seconds: to wait for a connection.
    public func findings(_ what: String, within seconds: Int = 3) -> [Finding] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(host, "\(port)", &hints, &found)
        guard failure == 0, let first = found else {
            let reason = String(cString: gai_strerror(failure))
            return [Finding("\(what): name", .bad, "\(host) has no address (\(reason)): look at DNS or /etc/hosts")]
        }
        defer { freeaddrinfo(found) }
        let name = Finding("\(what): name", .good, "\(host) is \(Self.text(first.pointee))")
        var (next, reason) = (found, "")
        while let address = next?.pointee {
            guard let failure = Self.connect(address, within: seconds) else {
                return [name, Finding("\(what): port", .good, "\(port) takes connections")]
            }
            (next, reason) = (address.ai_next, failure)
        }
        return [
            name,
            Finding("\(what): port", .bad, "\(host):\(port): \(reason); is the coordinator running, and the way open?"),
        ]
    }

    /// - Returns: why not, or `nil`.
    private static func connect(_ address: addrinfo, within seconds: Int) -> String? {
        let file = socket(address.ai_family, address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue), address.ai_protocol)
        guard file >= 0 else { return String(cString: strerror(errno)) }
        defer { close(file) }
        if Foundation.connect(file, address.ai_addr, address.ai_addrlen) == 0 { return nil }
        guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
        var wait = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        guard poll(&wait, 1, Int32(seconds) * 1_000) == 1 else { return "no answer within \(seconds) s" }
        var (failure, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        getsockopt(file, SOL_SOCKET, SO_ERROR, &failure, &size)
        return failure == 0 ? nil : String(cString: strerror(failure))
    }

    private static func text(_ address: addrinfo) -> String {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        getnameinfo(
            address.ai_addr, address.ai_addrlen, &text, socklen_t(text.count), nil, 0, Int32(NI_NUMERICHOST))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
