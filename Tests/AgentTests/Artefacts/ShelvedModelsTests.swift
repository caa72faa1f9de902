import ArtefactFiles
import Artefacts
import Engine
import FleetModel
import Foundation
import Testing

@testable import Agent
@testable import HookNetworks

/// What an agent loads at its start in the place of configured files.
@Suite struct ShelvedModelsTests {
    private let fixture = HookedRunnerTests()

    private func remove() { try? FileManager.default.removeItem(atPath: fixture.folder) }

    /// Puts files on the shelf as versions from 1 on, each in use in its turn.
    private func shelf(
        _ folder: ArtefactFolder, _ files: [(ArtefactKind, String)]
    ) throws -> ArtefactShelf<FolderDisk> {
        var shelf = try ArtefactShelf(folder.disk, atMilliseconds: 1)
        let signer = try #require(ArtefactSigner(secret: [UInt8](repeating: 1, count: 32)))
        for (index, (kind, path)) in files.enumerated() {
            let content = Array(try Data(contentsOf: URL(filePath: path)))
            let size = ArtefactLimits.chunkBytes
            let chunks = stride(from: 0, to: content.count, by: size).map {
                Array(content[$0..<min($0 + size, content.count)])
            }
            let signed = try signer.sign(
                ArtefactManifest(
                    id: ArtefactID(kind, try #require(ModelName("m"))), version: UInt64(index + 1),
                    byteCount: content.count, sum: ContentSum(of: content), chunkBytes: size,
                    chunkRoot: ChunkTree(leaves: chunks.map(ChunkTree.leaf)).root, createdAtMilliseconds: 1))
            try shelf.desire([DesiredArtefact(signed, mayDowngrade: false)], generation: UInt64(index + 1))
            for (place, chunk) in chunks.enumerated() { try shelf.keep(place, chunk, of: signed.manifest) }
            #expect(try shelf.finish(signed.manifest))
            try shelf.use(signed, isRunning: false)
        }
        return shelf
    }

    private func start(
        _ model: AgentConfiguration.Model, _ shelf: inout ArtefactShelf<FolderDisk>, _ folder: ArtefactFolder
    ) throws -> ShelvedModels {
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try ShelvedModels([model], on: &shelf, folder: folder) { try loader.load($0) }
    }

    private func slot(_ shelf: ArtefactShelf<FolderDisk>, _ kind: ArtefactKind) throws -> ShelfIndex.Slot {
        let name = try #require(ModelName("m"))
        return try #require(shelf.index.slots[ArtefactID(kind, name)])
    }

    @Test func everyKindTakesThePlaceOfTheConfiguredFile() throws {
        var model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        let folder = try ArtefactFolder(stateDirectory: fixture.folder + "/state")
        var shelf = try shelf(
            folder,
            [(.modelPackage, model.package), (.subnetTable, model.points), (.hookVersion, fixture.folder + "/h")])
        // What is configured is gone: only the shelf has it.
        for file in ["p", "q", "h"] { try FileManager.default.removeItem(atPath: fixture.folder + "/" + file) }
        let models = try start(model, &shelf, folder)
        #expect(models.notes.isEmpty && models.started.count == 3)
        #expect(models.deployments[0].hooks != nil && models.deployments[0].points.count == 2)
        // Hooks that learn do so in a copy of their own.
        model.hooks?.learns = true
        let learning = try start(model, &shelf, folder)
        let hooks = try #require(learning.deployments[0].hooks)
        #expect(hooks.path.contains("/learning/"))
        try folder.removeStrays(shelf)
        #expect(FileManager.default.fileExists(atPath: hooks.path))
    }

    @Test func aVersionThatDoesNotLoadGivesWayToTheOneBefore() throws {
        let model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        var foreign = try HookState.read(from: fixture.folder + "/h").state
        foreign.weightsSHA256 = String(repeating: "0", count: 64)
        try foreign.write(to: fixture.folder + "/foreign")
        let folder = try ArtefactFolder(stateDirectory: fixture.folder + "/state")
        var shelf = try shelf(
            folder, [(.hookVersion, fixture.folder + "/h"), (.hookVersion, fixture.folder + "/foreign")])
        let models = try start(model, &shelf, folder)
        #expect(models.deployments[0].hooks != nil && models.deployments[0].hookFailure == nil)
        let slot = try slot(shelf, .hookVersion)
        #expect(slot.inUse?.manifest.version == 1 && slot.bad.count == 1)
        #expect(models.notes.count == 1 && models.notes[0].contains("other weights"), "\(models.notes)")
    }

    @Test func aPackageThatIsNoneGivesWayToTheConfiguredOne() throws {
        let model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        try Data("no package at all".utf8).write(to: URL(filePath: fixture.folder + "/junk"))
        let folder = try ArtefactFolder(stateDirectory: fixture.folder + "/state")
        var shelf = try shelf(folder, [(.modelPackage, fixture.folder + "/junk")])
        let models = try start(model, &shelf, folder)
        #expect(models.deployments.count == 1 && models.started.isEmpty)
        #expect(try slot(shelf, .modelPackage).inUse == nil && slot(shelf, .modelPackage).bad.count == 1)
        // What is configured has to load: there is nothing else.
        var broken = model
        broken.package = fixture.folder + "/junk"
        #expect(throws: (any Error).self) { try start(broken, &shelf, folder) }
    }

    @Test func hooksThatAreLearnedTogetherAreNoArtefacts() throws {
        var model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        #expect(ShelvedModels.usable([model]).count == 4)
        model.hooks?.shares = true
        #expect(ShelvedModels.usable([model]).map(\.kind).allSatisfy { $0 != .hookVersion })
    }
}
