import Files
import Foundation
import Testing

@Suite final class PrivateFileReservationTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-reserve-\(UUID())").path()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    @Test func aReservedFileIsEmptyAndItsOwnersAlone() throws {
        let path = folder + "/a"
        try PrivateFile.reserve(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600 && attributes[.size] as? Int == 0)
        try PrivateFile.write([1, 2], to: path)
        #expect(try PrivateFile.read(path) == [1, 2])
    }

    @Test func whatIsThereIsNotTaken() throws {
        try Data([7]).write(to: URL(filePath: folder + "/a"))
        try FileManager.default.createSymbolicLink(atPath: folder + "/b", withDestinationPath: folder + "/c")
        for name in ["a", "b"] {
            let failure = #expect(throws: PrivateFileFailure.self) { try PrivateFile.reserve(folder + "/" + name) }
            #expect(failure?.problem.hasPrefix("exists already") == true)
        }
        #expect(FileManager.default.contents(atPath: folder + "/a") == Data([7]))
        #expect(!FileManager.default.fileExists(atPath: folder + "/c"))
    }

    @Test func aMissingFolderIsNamed() {
        #expect(throws: PrivateFileFailure.self) { try PrivateFile.reserve(folder + "/missing/a") }
    }
}
