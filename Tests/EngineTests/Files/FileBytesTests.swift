import Engine
import Foundation
import Testing

@Suite struct FileBytesTests {
    @Test func leftoversOfWritersThatWereKilledAreRemovedAnHourLater() throws {
        let folder = NSTemporaryDirectory() + "shoal-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let old = Date(timeIntervalSinceNow: -7_200)
        let gone = ["state.json.12.345.tmp", "state.json.1.2.tmp"]
        let kept = [
            "state.json.12.tmp", "state.json.a.b.tmp", "other.json.12.345.tmp", "state.json.previous", "state.json.1.2",
        ]
        for name in gone + kept + ["state.json.9.9.tmp"] {
            #expect(FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data([1])))
            if name == "state.json.9.9.tmp" { continue }
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: "\(folder)/\(name)")
        }

        try FileBytes.write([1, 2, 3], to: "\(folder)/state.json")

        let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(left == (kept + ["state.json", "state.json.9.9.tmp"]).sorted(), "one may still be written")
        #expect(try FileBytes.read(from: "\(folder)/state.json", limit: 3) == [1, 2, 3])
    }
}
