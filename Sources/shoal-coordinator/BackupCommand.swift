import ArgumentParser
import Coordinator
import Foundation

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copies the database of a coordinator, which may be running, to a new file.",
        discussion: """
            The file is one state of the fleet, readable by its owner alone, and the audit log tells of it. It holds \
            no keys: key.json of the state folder must be kept beside it. A fleet in PostgreSQL is backed up with \
            that server's own programs (pg_basebackup, pg_dump).
            """)

    @Option(help: "The coordinator's folder.")
    var state: String
    @Argument(help: "The new file.", completion: .file())
    var file: String

    func run() async throws {
        do {
            let bytes = try await StoreBackup.take(ofStateFolder: state, to: file)
            print("\(file): \(bytes) bytes")
        } catch { throw StartFailure(error).reported() }
    }
}
