import Engine
import Files
import FleetModel
import Foundation
import Messaging

/// What an agent keeps across its own restarts, in its state folder: key, enrolment, incarnation, last assignment.
struct AgentState {
    private let folder: String

    /// What enrolment gave the board.
    struct Membership: Codable {
        var board: BoardID
        var fleetEndpoint: String
        var serverPublicKey: PublicKey
    }

    /// Makes the folder, readable by its owner alone.
    init(folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.folder = folder
    }

    /// The board's own key, made on the first start.
    /// - Throws: when an enrolled board has lost it: a new one would be a stranger's.
    func keys() throws -> CurveKeyPair {
        let path = folder + "/key.json"
        guard membership == nil || PrivateFile.exists(path) else {
            throw ConfigurationFailure(
                file: path, reason: "is missing, though the board is enrolled with it; restore it, or enrol anew")
        }
        return try CurveKeyPair.loadOrCreate(at: path)
    }

    var membership: Membership? { read("membership.json") }
    func save(_ membership: Membership) throws { try write(membership, "membership.json") }

    /// `nil` before the first assignment, and when the file was damaged: then the coordinator sends it again.
    var assignment: Assignment? {
        let known: Assignment? = read("assignment.json")
        return known.flatMap { $0.isSound ? $0 : nil }
    }

    func save(_ assignment: Assignment) throws { try write(assignment, "assignment.json") }

    /// Counts this start, durably, before anything is sent under its number.
    func nextIncarnation() throws -> UInt64 {
        let previous: UInt64? = read("incarnation.json")
        // A lost counter must not repeat an old number: the clock in milliseconds is above any count of starts.
        guard previous ?? 0 < UInt64(Int64.max) else {
            throw ConfigurationFailure(
                file: folder + "/incarnation.json", reason: "\(previous ?? 0) is no count of starts; remove the file")
        }
        let next = previous.map { $0 + 1 } ?? UInt64(Date().timeIntervalSince1970 * 1_000)
        try write(next, "incarnation.json")
        return next
    }

    private func read<Value: Decodable>(_ name: String) -> Value? {
        guard let data = FileManager.default.contents(atPath: folder + "/" + name) else { return nil }
        return try? JSONDecoder().decode(Value.self, from: data)
    }

    private func write(_ value: some Encodable, _ name: String) throws {
        let path = folder + "/" + name
        do { try FileBytes.write(Array(try JSONEncoder().encode(value)), to: path) } catch {
            throw ConfigurationFailure(file: path, reason: "\(error)")
        }
    }
}
