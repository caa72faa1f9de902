import AdminAPI
import Artefacts
import Files
import FleetStore
import Foundation
import Messaging
import NIOCore

/// Why a coordinator does not run, as a sentence and an exit code of the documented table.
public struct StartFailure: Sendable {
    public let message: String
    public let exitCode: Int32

    public init(_ error: any Error) {
        switch error {
        case FleetStoreFailure.unavailable, FleetStoreFailure.leaseLost: (message, exitCode) = ("\(error)", 6)
        case is FleetStoreFailure, is PrivateFileFailure, is StoreConnectionFailure:
            (message, exitCode) = ("\(error)", 2)
        case let failure as AdminFailure: (message, exitCode) = (failure.message, 2)
        case is ZeroMQFailure, is DiskFailure, is FolderInUse: (message, exitCode) = ("\(error)", 6)
        case let failure as IOError:
            let reason = String(cString: strerror(failure.errnoCode))
            (message, exitCode) = ("The HTTP interface cannot be bound: \(reason).", 6)
        default:
            // Foundation's errors describe themselves in a debugger's form.
            let path = (error as? CocoaError)?.filePath.map { $0 + ": " } ?? ""
            (message, exitCode) = (path + error.localizedDescription, 6)
        }
    }
}
