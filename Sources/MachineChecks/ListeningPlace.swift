import Files
import Foundation

/// A place of this machine where a program is to listen. Looking binds it for a moment, and tells nobody of it.
public struct ListeningPlace: Equatable, Sendable {
    public var host: String
    /// 0 takes a free one.
    public var port: Int

    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// - Parameters:
    ///   - what: listens there.
    ///   - state: folder of the program that is to listen; while it runs, the place is its own.
    public func finding(_ what: String, of state: String) -> Finding {
        guard let failure = bindingFailure() else { return Finding("\(what): port", .good, "\(port) is free") }
        let reason = "\(host):\(port): \(String(cString: strerror(failure)))"
        guard failure == EADDRINUSE else {
            return Finding("\(what): port", .bad, "\(reason); name another host or port")
        }
        switch Self.runs(in: state) {
        case true?: return Finding("\(what): port", .good, "\(port) is in use, and the program runs")
        case false?:
            return Finding("\(what): port", .bad, "\(reason); stop the program that has it, or name another port")
        case nil: return Finding("\(what): port", .warning, "\(reason); well if the program runs already")
        }
    }

    /// - Returns: the system's number of what is wrong, or `nil`.
    private func bindingFailure() -> Int32? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let first = found?.pointee else {
            return EADDRNOTAVAIL
        }
        defer { freeaddrinfo(found) }
        let file = socket(first.ai_family, first.ai_socktype, first.ai_protocol)
        guard file >= 0 else { return errno }
        defer { close(file) }
        // As servers do: connections that have ended keep no port.
        var reuse: Int32 = 1
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        return bind(file, first.ai_addr, first.ai_addrlen) == 0 ? nil : errno
    }

    /// - Returns: whether a program holds the folder; `nil` where its lock cannot be looked at.
    private static func runs(in state: String) -> Bool? {
        // One that is not there is not made: it might belong to somebody else than the program.
        guard FileManager.default.fileExists(atPath: state + "/lock") else { return false }
        do {
            _ = try FolderLock(state)
            return false
        } catch is FolderInUse { return true } catch { return nil }
    }
}
