import Artefacts
import Foundation
import Testing

@testable import ArtefactFiles

@Suite struct FolderDiskTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-disk-\(UUID())").path()

    private func disk() throws -> FolderDisk { try FolderDisk(folder) }
    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    @Test func filesAreWrittenReadRenamedAndRemoved() throws {
        defer { remove() }
        let disk = try disk()
        #expect(try disk.names().isEmpty && disk.size(of: "a") == nil)
        try disk.write([4, 5], to: "a", at: 3)
        try disk.write([1, 2, 3], to: "a", at: 0)
        #expect(try disk.size(of: "a") == 5 && disk.read("a", 1..<4) == [2, 3, 4])
        #expect(try disk.read("a", 3..<99) == [4, 5] && disk.read("a", 5..<9).isEmpty)
        #expect(try disk.sum(of: "a") == ContentSum(of: [1, 2, 3, 4, 5]))
        try disk.publish("a", as: "b")
        try disk.replace("c", with: [7])
        try disk.replace("c", with: [8, 9])
        #expect(try disk.names().sorted() == ["b", "c"] && disk.read("c", 0..<9) == [8, 9])
        try disk.remove("b")
        try disk.remove("b")
        #expect(try disk.names() == ["c"])
        let mode = try FileManager.default.attributesOfItem(atPath: disk.path(of: "c"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func whatIsNotThereIsAFailureInASentence() throws {
        defer { remove() }
        let disk = try disk()
        #expect(throws: DiskFailure.self) { try disk.read("a", 0..<1) }
        #expect(throws: DiskFailure.self) { try disk.publish("a", as: "b") }
        try FileManager.default.createDirectory(atPath: folder + "/d", withIntermediateDirectories: true)
        #expect(throws: DiskFailure.self) { try disk.size(of: "d") }
        #expect(throws: DiskFailure.self) { try disk.write([1], to: "d", at: 0) }
        // Not followed to where somebody else wants it.
        try FileManager.default.createSymbolicLink(atPath: folder + "/l", withDestinationPath: folder + "/x")
        #expect(throws: DiskFailure.self) { try disk.write([1], to: "l", at: 0) }
    }

    /// A folder that is gone takes nothing, and says so.
    @Test func aFolderThatIsGoneIsAFailure() throws {
        let disk = try disk()
        remove()
        #expect(throws: DiskFailure.self) { try disk.write([1], to: "a", at: 0) }
        #expect(throws: DiskFailure.self) { try disk.replace("a", with: [1]) }
        #expect(throws: DiskFailure.self) { try disk.names() }
    }
}
