import ArtefactFiles
import Artefacts
import FleetModel
import Foundation

/// The models of a board with what its shelf puts in the place of configured files, loaded at the agent's start.
struct ShelvedModels {
    let deployments: [ModelDeployment]
    /// What was loaded of the shelf.
    let started: [ArtefactID: ContentSum]
    /// For people.
    let notes: [String]

    /// What of a model an artefact may replace, and the policies that name it. Hooks that boards learn together have
    /// versions of their own.
    static func usable(_ models: [AgentConfiguration.Model]) -> Set<ArtefactID> {
        Set(
            models.flatMap { model -> [ArtefactID] in
                guard let name = ModelName(model.name) else { return [] }
                let kinds: [ArtefactKind] =
                    model.hooks?.shares == true
                    ? [.modelPackage, .subnetTable, .policy] : [.modelPackage, .subnetTable, .policy, .hookVersion]
                return kinds.map { ArtefactID($0, name) }
            })
    }

    /// Loads the models. A version that cannot be loaded is marked, and the one before it is tried.
    /// - Throws: what the configured files, or the shelf's disk, are refused for.
    init(
        _ models: [AgentConfiguration.Model], on shelf: inout ArtefactShelf<FolderDisk>, folder: ArtefactFolder,
        _ load: (AgentConfiguration.Model) throws -> ModelDeployment
    ) throws {
        var (deployments, started, notes) = ([ModelDeployment](), [ArtefactID: ContentSum](), [String]())
        for model in models {
            while true {
                let (here, used) = try folder.replacing(model, on: shelf)
                // Newest on the shelf first: what was used before is known to load.
                let suspects = used.sorted { Self.isOnTrial($0, shelf) && !Self.isOnTrial($1, shelf) }
                let fault: (suspect: SignedManifest, reason: String)
                do {
                    let deployment = try load(here)
                    if let failure = deployment.hookFailure,
                        let hooks = suspects.first(where: { $0.manifest.id.kind == .hookVersion })
                    {
                        fault = (hooks, failure)
                    } else {
                        deployments.append(deployment)
                        for signed in used { started[signed.manifest.id] = signed.manifest.sum }
                        break
                    }
                } catch {
                    guard let suspect = suspects.first(where: { $0.manifest.id.kind != .hookVersion }) else {
                        throw error
                    }
                    fault = (suspect, "\(error)")
                }
                let manifest = fault.suspect.manifest
                try shelf.failed(manifest.id, manifest.sum, reason: fault.reason)
                notes.append("\(manifest.id) version \(manifest.version) is not used: \(fault.reason)")
            }
        }
        (self.deployments, self.started, self.notes) = (deployments, started, notes)
    }

    private static func isOnTrial(_ signed: SignedManifest, _ shelf: ArtefactShelf<FolderDisk>) -> Bool {
        shelf.index.slots[signed.manifest.id]?.trial != nil
    }
}

/// Where an agent keeps artefacts: contents that nobody writes to, and copies of hooks that go on learning.
struct ArtefactFolder {
    let disk: FolderDisk
    private let learning: FolderDisk

    init(stateDirectory: String) throws(DiskFailure) {
        disk = try FolderDisk(stateDirectory + "/artefacts")
        learning = try FolderDisk(stateDirectory + "/learning")
    }

    /// The model with what the shelf uses in place of configured files.
    func replacing(
        _ model: AgentConfiguration.Model, on shelf: ArtefactShelf<FolderDisk>
    ) throws(DiskFailure) -> (AgentConfiguration.Model, used: [SignedManifest]) {
        guard let name = ModelName(model.name) else { return (model, []) }
        let usable = ShelvedModels.usable([model])
        var (here, used) = (model, [SignedManifest]())
        for kind in ArtefactKind.allCases {
            let id = ArtefactID(kind, name)
            guard kind != .policy, usable.contains(id), let signed = shelf.index.slots[id]?.inUse else { continue }
            used.append(signed)
            switch kind {
            case .modelPackage: here.package = disk.path(of: shelf.file(of: signed.manifest))
            case .subnetTable: here.points = disk.path(of: shelf.file(of: signed.manifest))
            case .policy: break
            case .hookVersion:
                var hooks = model.hooks ?? AgentConfiguration.Hooks(file: "")
                hooks.file = try hookFile(signed.manifest, on: shelf, learns: hooks.learns == true)
                here.hooks = hooks
            }
        }
        return (here, used)
    }

    /// Policies that were signed for a model.
    /// - Throws: `ArtefactFailure` where they are none, `DiskFailure`.
    func policies(_ manifest: ArtefactManifest, on shelf: ArtefactShelf<FolderDisk>) throws -> [Policy] {
        let count = min(manifest.byteCount, PolicyContent.byteLimit + 1)
        return try PolicyContent(bytes: disk.read(shelf.file(of: manifest), 0..<count)).policies
    }

    /// The content, or the copy of it that has been learning here.
    func hookFile(
        _ manifest: ArtefactManifest, on shelf: ArtefactShelf<FolderDisk>, learns: Bool
    ) throws(DiskFailure) -> String {
        let name = shelf.file(of: manifest)
        guard learns else { return disk.path(of: name) }
        let copy = "\(manifest.sum).hooks"
        if try learning.size(of: copy) == nil {
            try learning.replace(copy, with: try disk.read(name, 0..<manifest.byteCount))
        }
        return learning.path(of: copy)
    }

    /// Copies of versions that are not on the shelf any more.
    func removeStrays(_ shelf: ArtefactShelf<FolderDisk>) throws(DiskFailure) {
        let kept = Set(
            shelf.index.slots.values.flatMap { [$0.inUse, $0.previous].compactMap { $0 } }
                .map { "\($0.manifest.sum)" })
        for name in try learning.names() where !kept.contains(String(name.prefix(2 * ContentSum.byteCount))) {
            try learning.remove(name)
        }
    }
}
