import FleetStore

/// Why a statement was not carried out, by what can be done about it.
enum PostgreSQLFailure: Error, Equatable {
    /// The session is gone, or its server does not answer. Another one may do.
    case lost(String)
    /// Others were in the way; the same transaction may succeed when it is run again.
    case conflict(String)
    /// The server refused, with one of its five-character states.
    case refused(state: String, message: String)

    /// Sorts by SQLSTATE (PostgreSQL 15, appendix A).
    init(state: String, message: String, isSessionLost: Bool) {
        switch state {
        case _ where isSessionLost || state.hasPrefix("08"): self = .lost(message)
        // admin_shutdown, crash_shutdown, cannot_connect_now.
        case "57P01", "57P02", "57P03": self = .lost(message)
        // serialization_failure, deadlock_detected.
        case "40001", "40P01": self = .conflict(message)
        default: self = .refused(state: state, message: message)
        }
    }

    func fleetStoreFailure(_ path: String) -> FleetStoreFailure {
        switch self {
        case .lost(let message), .conflict(let message): .unavailable(path: path, detail: message)
        // data_corrupted, index_corrupted.
        case .refused("XX001", let message), .refused("XX002", let message): .corrupt(path: path, detail: message)
        case .refused(let state, let message): .unavailable(path: path, detail: "\(message) (SQLSTATE \(state))")
        }
    }
}
