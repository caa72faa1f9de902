import Engine
import Testing

@testable import ModelImport

@Suite struct ZipArchiveTests {
    private let entries = [
        ZipWriter.Entry(name: "a", content: [1, 2, 3]), ZipWriter.Entry(name: "b/c", content: [4]),
    ]

    @Test func findsStoredEntries() throws {
        let bytes = ZipWriter(entries: entries).bytes()
        let archive = try ZipArchive(bytes)
        #expect(archive.entries.mapValues { Array(bytes[$0]) } == ["a": [1, 2, 3], "b/c": [4]])
    }

    @Test func readsZip64Fields() throws {
        var entries = entries
        entries[1].usesZip64 = true
        let bytes = ZipWriter(entries: entries, usesZip64: true).bytes()
        let archive = try ZipArchive(bytes)
        #expect(archive.entries.mapValues { Array(bytes[$0]) } == ["a": [1, 2, 3], "b/c": [4]])
    }

    /// "123456789", the check value of the CRC catalogue.
    @Test func checksumMatchesTheCatalogue() {
        #expect(CRC32.checksum(Array("123456789".utf8)[...]) == 0xCBF4_3926)
    }

    @Test func refusesWhatIsNotStored() {
        expectRefusal("is compressed (method 8); PyTorch stores", "a") { $0.entries[0].method = 8 }
        expectRefusal("is encrypted", "b/c") { $0.entries[1].flags = 1 }
    }

    @Test func refusesDamageAndContradictions() {
        expectRefusal("the content does not match its CRC-32", "a") { $0.entries[0].checksum = 7 }
        expectRefusal("occurs twice", "a") { $0.entries[1].name = "a" }
        expectRefusal("has two different names", "b/c") { $0.entries[1].localName = "b/d" }
        expectRefusal("does not end in the record that ends a zip file; it may be truncated", nil) {
            $0.comment = [0x21]
        }
    }

    @Test func refusesContentOutsideTheFile() throws {
        for size in [1 << 20, Int.max] {
            var entries = entries
            (entries[1].statedSize, entries[1].usesZip64) = (size, true)
            let bytes = ZipWriter(entries: entries).bytes()
            let failure = try #require(throws: ReadingFailure.self) { try ZipArchive(bytes) }
            #expect(failure.subject == "b/c" && failure.reason.hasPrefix("needs \(size) bytes"))
        }
    }

    @Test func refusesOverlappingEntries() throws {
        var entries = entries
        // The first entry claims the bytes of the second one's header.
        entries[0].statedSize = 10
        var whole = entries[0].content
        whole += ZipWriter(entries: [entries[1]]).bytes()[..<7]
        entries[0].checksum = CRC32.checksum(whole[...])
        let bytes = ZipWriter(entries: entries).bytes()
        #expect(throws: ReadingFailure("entries of the zip file overlap")) { try ZipArchive(bytes) }
    }

    @Test func refusesEveryTruncation() {
        let bytes = ZipWriter(entries: entries, usesZip64: true).bytes()
        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self, "\(count) bytes") { try ZipArchive(Array(bytes[..<count])) }
        }
    }

    private func expectRefusal(_ reason: String, _ subject: String?, _ change: (inout ZipWriter) -> Void) {
        var writer = ZipWriter(entries: entries)
        change(&writer)
        #expect(throws: ReadingFailure(reason, subject: subject)) { try ZipArchive(writer.bytes()) }
    }
}
