import AuditLog
import Testing

@Suite struct AuditChainTests {
    private static func entries(_ count: UInt64) -> [AuditEntry] {
        var place = AuditMark.origin
        return (1...count).map { number in
            let entry = place.next(
                AuditDraft(
                    actor: "ann", action: .policyApplied, target: "policy \(number)",
                    before: number == 1 ? nil : "version \(number - 1)", after: "version \(number)",
                    atMilliseconds: 1_000 + number), textBytes: 512)
            place = AuditMark(number: entry.number, hash: entry.hash)
            return entry
        }
    }

    private static func fault(
        _ entries: [AuditEntry], newest: AuditMark? = nil, noted: [AuditMark] = []
    ) -> AuditFault? {
        let whole = Self.entries(6)
        var checker = AuditChecker(from: .origin, noted: noted)
        for entry in entries { checker.check(entry) }
        return checker.finished(newest: newest ?? AuditMark(number: 6, hash: whole[5].hash))
    }

    @Test func whatWasOnlyAddedToIsWhole() {
        #expect(Self.fault(Self.entries(6)) == nil)
        #expect(AuditChecker(from: .origin).finished(newest: .origin) == nil)
    }

    /// SHA-256 of the documented bytes, computed by another program.
    @Test func theHashIsThatOfTheFields() {
        let entry = AuditEntry(
            number: 1, atMilliseconds: 2, actor: "ann", action: "policyApplied", target: "policy p", before: nil,
            after: "version 1", hash: "")
        #expect(
            entry.hash(after: AuditMark.origin.hash)
                == "720c25071a35a4a8b305f92da55f62146cd32d8174852a9ddc02ad2264959a38")
    }

    static let changes: [@Sendable (inout AuditEntry) -> Void] = [
        { $0.atMilliseconds += 1 }, { $0.actor = "bob" }, { $0.action = "boardRevoked" }, { $0.target += " " },
        { $0.before = nil }, { $0.after = "" }, { ($0.before, $0.after) = ($0.after, $0.before) },
        { $0.hash = String($0.hash.reversed()) },
    ]

    @Test(arguments: 0..<changes.count, 1..<6)
    func aChangedEntryIsNamed(change: Int, index: Int) {
        var entries = Self.entries(6)
        Self.changes[change](&entries[index])
        #expect(Self.fault(entries)?.number == UInt64(index + 1))
    }

    /// Whoever makes the hash anew as well is found by the next entry, or at the end by the mark.
    @Test(arguments: 0..<6)
    func anEntryChangedWithItsHashIsFound(index: Int) {
        var entries = Self.entries(6)
        entries[index].actor = "bob"
        entries[index].hash = entries[index].hash(
            after: index == 0 ? AuditMark.origin.hash : entries[index - 1].hash)
        #expect(Self.fault(entries)?.number == UInt64(min(index + 2, 6)))
    }

    @Test(arguments: 0..<6)
    func aRemovedEntryIsNamed(index: Int) {
        var entries = Self.entries(6)
        entries.remove(at: index)
        #expect(Self.fault(entries)?.number == UInt64(index + 1))
    }

    @Test(arguments: 0..<5)
    func exchangedEntriesAreNamed(index: Int) {
        var entries = Self.entries(6)
        entries.swapAt(index, index + 1)
        #expect(Self.fault(entries)?.number == UInt64(index + 1))
        (entries[index].number, entries[index + 1].number) = (UInt64(index + 1), UInt64(index + 2))
        #expect(Self.fault(entries)?.number == UInt64(index + 1))
    }

    /// A log that was made anew as a whole is one chain; a mark that somebody noted tells.
    @Test func aLogMadeAnewIsFoundByANotedMark() throws {
        let entries = Self.entries(6)
        var place = AuditMark.origin
        let forged = entries.map { entry in
            let next = place.next(
                AuditDraft(actor: "bob", action: .boardRevoked, target: "", atMilliseconds: entry.atMilliseconds),
                textBytes: 512)
            place = AuditMark(number: next.number, hash: next.hash)
            return next
        }
        #expect(Self.fault(forged, newest: place) == nil)
        let noted = try #require(AuditMark("4:\(entries[3].hash)"))
        #expect(Self.fault(forged, newest: place, noted: [noted])?.number == 4)
        #expect(Self.fault(entries, noted: [noted]) == nil)
        let later = AuditMark(number: 9, hash: entries[3].hash)
        #expect(Self.fault(entries, noted: [later])?.number == 7)
    }

    @Test(arguments: ["", "4", "4:", ":", "x:y", "4:abc", "-1:" + String(repeating: "0", count: 64)])
    func whatIsNoMarkIsRefused(text: String) { #expect(AuditMark(text) == nil) }

    @Test func longTextsAreCutToWholeCharacters() {
        let entry = AuditMark.origin.next(
            AuditDraft(
                actor: "a", action: .boardRevoked, target: String(repeating: "ü", count: 300), atMilliseconds: 0),
            textBytes: 64)
        #expect(entry.target.utf8.count <= 64 && entry.target.hasSuffix("ü…"))
    }
}
