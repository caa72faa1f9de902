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
        /// `nil`: the one alone.
        var fleetEndpoints: [String]?

        var allFleetEndpoints: [String] { fleetEndpoints ?? [fleetEndpoint] }
    }

    /// Makes the folder, readable by its owner alone.
    init(folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.folder = folder
        // Earlier versions left some of them open to others.
        for name in ["membership", "assignment", Self.incarnation, Self.updateNumber] {
            for path in [folder + "/\(name).json", folder + "/\(name).json.previous"] where PrivateFile.exists(path) {
                try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            }
        }
    }

    /// What the folder, which was there before, lets others do, such as `755`; `nil` where it is the owner's alone. It
    /// is told and not changed: somebody may have opened it on purpose, such as to a group of a volume.
    var openMode: String? {
        let mode = try? FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
        return mode.flatMap { $0 & 0o077 == 0 ? nil : String($0 & 0o777, radix: 8) }
    }

    /// Two agents over one folder would count the same starts and spool into one queue.
    func lock() throws -> FolderLock { try FolderLock(folder) }

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

    var membership: Membership? { file("membership").read().value }
    func save(_ membership: Membership) throws { try file("membership").write(membership) }

    /// `nil` before the first assignment, and when the file and the one before were damaged: then the coordinator sends
    /// it again, as it does when this is the one before.
    func assignment() -> Assignment? {
        let known: Assignment? = file("assignment").read().value
        return known.flatMap { $0.isSound ? $0 : nil }
    }

    func save(_ assignment: Assignment) throws { try file("assignment").write(assignment) }

    /// Names of policies that were in force when the coordinator planned last; `nil` before it ever has, and where the
    /// file is damaged: then the board plans nothing by itself before it has heard from its coordinator again.
    func policiesInForce() -> [String]? { file(Self.inForce).read([String].self).value }

    func save(policiesInForce names: [String]) throws { try file(Self.inForce).write(names) }

    /// Names of the files that are not as they were written.
    var damaged: [String] {
        var names: [String] = []
        if file("membership").read(Membership.self).isDamaged { names.append("membership.json") }
        if file("assignment").read(Assignment.self).isDamaged { names.append("assignment.json") }
        if file(Self.inForce).read([String].self).isDamaged { names.append(Self.inForce + ".json") }
        for name in [Self.incarnation, Self.updateNumber] where file(name).read(UInt64.self).isDamaged {
            names.append(name + ".json")
        }
        return names
    }

    /// Counts this start, durably, before anything is sent under its number.
    /// - Parameter least: A number that was in use already.
    func nextIncarnation(above least: UInt64 = 0) throws -> UInt64 {
        try next(Self.incarnation, above: least, "is no count of starts; remove the file")
    }

    /// The number of what learned gates send next, durably, over all models and starts: the coordinator takes a number
    /// that it knows for one that was said again, so that a clock which was set back must not choose it.
    func nextUpdateNumber(above least: UInt64) throws -> UInt64 {
        try next(Self.updateNumber, above: least, "is no number of an update; remove the file")
    }

    private static let (incarnation, updateNumber) = ("incarnation", "update-number")
    private static let inForce = "policies-in-force"

    private func next(_ name: String, above least: UInt64, _ reason: String) throws -> UInt64 {
        let last = file(name).read(UInt64.self)
        guard last.value ?? 0 < UInt64(Int64.max) - 1 else {
            throw ConfigurationFailure(file: folder + "/\(name).json", reason: "\(last.value ?? 0) \(reason)")
        }
        // A lost counter must not repeat an old number: the clock in milliseconds is above any that was counted, and
        // the file before is one behind.
        let known = last.value.map { $0 + (last.isDamaged ? 2 : 1) } ?? UInt64(Date().timeIntervalSince1970 * 1_000)
        let next = max(known, least + 1)
        try file(name).write(next)
        return next
    }

    private func file(_ name: String) -> StateFile { StateFile(path: folder + "/" + name + ".json") }
}
