import Artefacts
import Files
import Foundation
import Testing

@testable import ArtefactFiles

@Suite struct SigningKeyFileTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "shoal-key-\(UUID())").path()

    @Test func theKeyStaysAndIsItsOwnersAlone() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SigningKeyFile(path)
        #expect(!file.isThere)
        let keys = try file.loadOrCreate()
        #expect(try file.loadOrCreate().signer.key == keys.signer.key && keys.rotations.isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: PrivateFileFailure.self) { try file.loadOrCreate() }
    }

    /// As often as it may be changed, the file can still be read.
    @Test func statementsLeadFromTheFirstKeyToTheLast() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SigningKeyFile(path)
        let first = try file.loadOrCreate()
        var keys = first
        for _ in 0..<ArtefactLimits.rotations { keys = try file.rotate(keys) }
        #expect(throws: ArtefactFailure.self) { try file.rotate(keys) }
        let read = try file.loadOrCreate()
        #expect(read.signer.key == keys.signer.key && read.rotations == keys.rotations)
        #expect(
            ArtefactTrust.announced(read.signer.key, rotations: read.rotations, pinned: first.signer.key)
                == .rotated(read.signer.key))
    }

    @Test func aDamagedFileIsNoKey() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SigningKeyFile(path)
        _ = try file.loadOrCreate()
        let bytes = try PrivateFile.read(path)
        try PrivateFile.write(Array(bytes.dropLast(20)), to: path)
        #expect(throws: PrivateFileFailure.self) { try file.loadOrCreate() }
    }
}
