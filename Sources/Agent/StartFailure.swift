import Artefacts
import Datasets
import Engine
import Files
import FleetModel
import Foundation
import Messaging
import Packages
import Shoal
import Supernets

/// Why an agent does not run, as a sentence and an exit code of the documented table.
public struct StartFailure: Sendable {
    public let message: String
    public let exitCode: Int32

    public init(_ error: any Error) {
        switch error {
        case EnrolmentFailure.noAnswer: (message, exitCode) = ("\(error)", 4)
        case is EnrolmentFailure: (message, exitCode) = ("\(error)", 5)
        case is ZeroMQFailure, is DiskFailure, is EndpointFailure, is FolderInUse: (message, exitCode) = ("\(error)", 6)
        case is ConfigurationFailure, is PrivateFileFailure, is BoardRefusal, is PackageFailure, is SupernetRefusal,
            is DatasetFailure, is InstructionSetRefusal, is ShoalFailure:
            (message, exitCode) = ("\(error)", 2)
        default:
            // Foundation's errors describe themselves in a debugger's form.
            let path = (error as? CocoaError)?.filePath.map { $0 + ": " } ?? ""
            (message, exitCode) = (path + error.localizedDescription, 6)
        }
    }
}
