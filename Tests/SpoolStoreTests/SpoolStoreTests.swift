import FleetModel
import Foundation
import SpoolStore
import Testing

@Suite struct SpoolStoreTests {
    private let folder: String
    private var path: String { folder + "/spool.sqlite" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "spool-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func record(_ incarnation: UInt64, _ sequence: UInt64, memory: UInt64 = 1) throws -> SpooledRecord {
        try SpooledRecord(
            TelemetryRecord(
                incarnation: incarnation, sequence: sequence, startMilliseconds: 1_000 * sequence,
                durationMilliseconds: 1_000, generation: 1, models: [],
                board: .init(
                    memoryBytes: memory, cpuLoad: 0.5, cpuFrequencyMegahertz: nil, temperatureCelsius: 40,
                    droppedRecords: 0)))
    }

    private func position(_ incarnation: UInt64, _ sequence: UInt64) -> TelemetryPosition {
        .init(incarnation: incarnation, sequence: sequence)
    }

    @Test func whatWasCommittedIsThereAfterOpeningAgain() throws {
        defer { remove() }
        var losses = SpoolLosses()
        losses.count(.full, 3, of: 2)
        do {
            let (store, content) = try SpoolStore.open(at: path)
            #expect(content.records.isEmpty && content.losses.isEmpty && content.trouble.isEmpty)
            try store.commit(adding: [record(2, 5), record(1, 9), record(2, 4)], removing: [], losses: losses)
            try store.commit(adding: [], removing: [position(2, 4)], losses: losses)
            // Left as a killed process leaves it: with the log beside the file.
        }

        let (store, content) = try SpoolStore.open(at: path)
        #expect(content.records.map(\.position) == [position(1, 9), position(2, 5)])
        #expect(content.losses == losses && content.losses[2] == 3 && content.losses.total == [.full: 3])
        #expect(try store.records(at: [position(2, 5), position(2, 4)]) == [record(2, 5)])
        let mode = try #require(
            FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)
        #expect(mode.intValue == 0o600)
    }

    @Test(arguments: ["", "this is not a database", "SQLite format 3\0 and no more"])
    func aFileThatIsNoneIsReplacedAndKept(text: String) throws {
        defer { remove() }
        try Data(text.utf8).write(to: URL(filePath: path))

        let (store, content) = try SpoolStore.open(at: path)

        #expect(content.records.isEmpty && content.trouble.isEmpty == text.isEmpty)
        #expect(FileManager.default.fileExists(atPath: path + ".damaged") == !text.isEmpty)
        try store.commit(adding: [record(1, 1)], removing: [], losses: .init())
        #expect(try store.records(at: [position(1, 1)]).count == 1)
    }

    /// Whatever bit of the file is turned: it opens, what it gives is what was written, and what is missing is said.
    /// The bytes of a file that holds the records 2 to 40.
    private func written() throws -> Data {
        let (store, _) = try SpoolStore.open(at: path)
        try store.commit(adding: (1...40).map { try record(1, $0) }, removing: [], losses: .init())
        try store.commit(adding: [], removing: [position(1, 1)], losses: .init())
        store.checkpoint()
        store.close()
        return try Data(contentsOf: URL(filePath: path))
    }

    /// Opens a file with one bit turned. Whether that was noticed; what it gives back is what was written, and it can
    /// be written on.
    private func isNoticed(bit: Int, of place: Int, in whole: Data) throws -> Bool {
        for suffix in ["", "-wal", "-shm", ".damaged", ".damaged-wal", ".damaged-shm"] {
            try? FileManager.default.removeItem(atPath: path + suffix)
        }
        var bytes = whole
        bytes[place] ^= 1 << bit
        try bytes.write(to: URL(filePath: path))
        let (store, content) = try SpoolStore.open(at: path)
        defer { store.close() }

        let positions = content.records.map(\.position)
        let records = try store.records(at: positions)
        #expect(try records == positions.map { try record(1, $0.sequence) }, "bit \(bit) of byte \(place)")
        if content.trouble.isEmpty {
            #expect(positions.map(\.sequence) == Array(2...40), "bit \(bit) of byte \(place)")
        }
        #expect(throws: Never.self, "bit \(bit) of byte \(place)") {
            try store.commit(adding: [try record(1, 41)], removing: [], losses: content.losses)
        }
        return !content.trouble.isEmpty
    }

    @Test func everyTurnedByteIsNoticedOrHarmless() throws {
        defer { remove() }
        let whole = try written()
        let seed = UInt64.random(in: 0...UInt64.max)
        print("everyTurnedByteIsNoticedOrHarmless seed \(seed)")
        var generator = SeededNumbers(state: seed)
        var damaged = 0
        // Every byte of a row would be a thousand starts; every 13th, and a random bit of it, meets all kinds of them.
        for place in stride(from: Int(seed % 13), to: whole.count, by: 13) {
            damaged += try isNoticed(bit: Int.random(in: 0..<8, using: &generator), of: place, in: whole) ? 1 : 0
        }
        #expect(damaged > 10)
    }

    /// Byte 18 says how the file may be written: SQLite opens one that it does not know for reading only.
    @Test(arguments: 16..<24) func noBitOfTheHeaderKeepsTheSpoolFromBeingWritten(place: Int) throws {
        defer { remove() }
        let whole = try written()
        let noticed = try (0..<8).count(where: { try isNoticed(bit: $0, of: place, in: whole) })
        if place == 18 { #expect(noticed > 0) }
    }

    @Test(arguments: [0.1, 0.5, 0.9])
    func aTornFileGivesWhatItHas(share: Double) throws {
        defer { remove() }
        do {
            let (store, _) = try SpoolStore.open(at: path)
            try store.commit(adding: (1...400).map { try record(1, $0) }, removing: [], losses: .init())
            store.checkpoint()
            store.close()
        }
        let whole = try Data(contentsOf: URL(filePath: path))
        try whole.prefix(Int(Double(whole.count) * share)).write(to: URL(filePath: path))

        let (store, content) = try SpoolStore.open(at: path)

        #expect(!content.trouble.isEmpty)
        let records = try store.records(at: content.records.map(\.position))
        #expect(try records == content.records.map { try record(1, $0.position.sequence) })
        // Once more: now the file is whole, and knows what it lost between what is left.
        let again = try SpoolStore.open(at: path).content
        #expect(again.trouble.isEmpty && again.losses == content.losses)
        let sequences = content.records.map(\.position.sequence)
        let holes = sequences.isEmpty ? 0 : sequences[sequences.count - 1] + 1 - sequences[0] - UInt64(sequences.count)
        #expect(content.losses[1] == holes)
    }

    @Test func aFolderThatIsNotThereIsSaid() {
        defer { remove() }
        #expect(throws: SpoolFailure.unwritable("No such file or directory")) {
            _ = try SpoolStore.open(at: folder + "/none/spool.sqlite")
        }
    }

    @Test func olderLossesAreCountedTogether() throws {
        defer { remove() }
        var losses = SpoolLosses()
        for incarnation in 1...300 as ClosedRange<UInt64> { losses.count(.full, of: incarnation) }
        let (store, _) = try SpoolStore.open(at: path)
        try store.commit(adding: [], removing: [], losses: losses)

        let kept = try SpoolStore.open(at: path).content.losses
        #expect(kept.total == [.full: 300] && kept[0] == 44 && kept[45] == 1)
    }
}

private struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
