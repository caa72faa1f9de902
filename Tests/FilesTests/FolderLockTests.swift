import Foundation
import Testing

@testable import Files

@Suite struct FolderLockTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-lock-\(UUID())").path()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func removed(_ body: () throws -> Void) rethrows {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    @Test func oneHolderAtATime() throws {
        try removed {
            var first: FolderLock? = try FolderLock(folder)
            let failure = #expect(throws: FolderInUse.self) { try FolderLock(folder) }
            #expect(failure?.description.contains(folder) == true)
            withExtendedLifetime(first) {}
            first = nil
            _ = try FolderLock(folder)
        }
    }

    @Test func theFileIsItsOwnersAlone() throws {
        try removed {
            let lock = try FolderLock(folder)
            let mode = try FileManager.default.attributesOfItem(atPath: folder + "/lock")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            withExtendedLifetime(lock) {}
        }
    }

    @Test func aFolderWhoseLockLeadsElsewhereIsRefused() throws {
        try removed {
            try FileManager.default.createSymbolicLink(atPath: folder + "/lock", withDestinationPath: "/dev/null")
            #expect(throws: PrivateFileFailure.self) { try FolderLock(folder) }
            #expect(throws: PrivateFileFailure.self) { try FolderLock(folder + "/missing") }
        }
    }
}
