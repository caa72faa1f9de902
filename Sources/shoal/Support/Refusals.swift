import AdminAPI
import ArgumentParser
import Datasets
import Engine
import FleetModel
import Foundation
import Graphs
import ModelImport
import Packages
import ProgressLines
import SearchInputs
import SearchSpace
import Supernets

/// Exit codes of `shoal`: part of the command line's contract, documented in the README.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    /// A check or a verdict was negative.
    case negative = 1
    /// A file, value or policy cannot be used.
    case unusableInput = 2
    /// Something that is asked for by name does not exist.
    case notFound = 3
    /// The coordinator cannot be reached or cannot do this now.
    case unavailable = 4
    /// The token is missing or wrong, or its role may not do this.
    case unauthorized = 5
    /// The environment failed: disk full, no permission.
    case environment = 6
    /// The command line itself is wrong (ArgumentParser's own code).
    case usage = 64
}

/// A refusal of a command: one sentence and a code.
struct Refusal: Error {
    let message: String
    let status: ExitStatus

    init(_ message: String, _ status: ExitStatus = .unusableInput) {
        self.message = message
        self.status = status
    }

    /// What went wrong in the words of the room that refused.
    init(_ error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case let refusal as SearchInputRefusal:
            self.init(refusal.description, refusal.isMissing ? .notFound : .unusableInput)
        case let failure as AdminFailure: self.init(failure.message, Self.status(of: failure.kind))
        case is CheckpointFailure, is PackageFailure, is DatasetFailure, is SupernetRefusal, is ConfigurationRefusal,
            is InstructionSetRefusal, is ArchitectureRefusal, is GraphFailure:
            self.init("\(error)")
        case let error as any CustomStringConvertible where !(error is CocoaError): self.init(error.description)
        default: self.init(error.localizedDescription, .environment)
        }
    }

    private static func status(of kind: AdminFailure.Kind) -> ExitStatus {
        switch kind {
        case .invalid, .tooLarge: .unusableInput
        case .unauthorized, .forbidden: .unauthorized
        case .notFound: .notFound
        case .unavailable, .wrongMethod: .unavailable
        }
    }
}

/// Runs a command's body; a refusal becomes one sentence on standard error and an exit code, never a trace.
/// - Parameter title: what a terminal is told of it after a second; `nil` tells nothing.
func refusing(_ title: String? = "working", _ body: () async throws -> Void) async throws {
    let ticking = title.flatMap(StatusLine.standardError.ticking)
    defer { ticking?.end() }
    do {
        try await body()
    } catch let code as ExitCode {
        throw code
    } catch let error as CleanExit {
        throw error
    } catch {
        let refusal = Refusal(error)
        Terminal.error(refusal.message)
        throw ExitCode(refusal.status.rawValue)
    }
}
