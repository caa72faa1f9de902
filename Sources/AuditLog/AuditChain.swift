/// A place in the log: everything up to an entry, by its hash.
public struct AuditMark: Codable, Equatable, Sendable, CustomStringConvertible {
    /// Before the first entry.
    public static let origin = AuditMark(number: 0, hash: String(repeating: "0", count: 64))

    public var number: UInt64
    public var hash: String

    public init(number: UInt64, hash: String) {
        self.number = number
        self.hash = hash
    }

    /// `NUMBER:HASH`, as `description` prints it.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt64(parts[0]), parts[1].utf8.count == 64,
            parts[1].allSatisfy({ $0.isHexDigit && !$0.isUppercase })
        else { return nil }
        self.init(number: number, hash: String(parts[1]))
    }

    public var description: String { "\(number):\(hash)" }

    /// The entry that follows here, with texts cut to the limit.
    public func next(_ draft: AuditDraft, textBytes limit: Int) -> AuditEntry {
        var entry = AuditEntry(
            number: number + 1, atMilliseconds: draft.atMilliseconds, actor: draft.actor.cut(to: limit),
            action: draft.action.rawValue, target: draft.target.cut(to: limit), before: draft.before?.cut(to: limit),
            after: draft.after?.cut(to: limit), hash: "")
        entry.hash = entry.hash(after: hash)
        return entry
    }
}

/// The first entry that is not as it was written.
public struct AuditFault: Codable, Equatable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public var reason: String

    public init(number: UInt64, reason: String) {
        self.number = number
        self.reason = reason
    }

    public var description: String { "entry \(number): \(reason)" }
}

/// Follows a log from a mark, entry by entry, and remembers where it stopped being one chain.
///
/// A changed entry no longer has its hash. One that was changed together with its hash does not fit the next one, and
/// that one is named; removed and exchanged ones leave numbers or hashes that do not follow. What was cut off at the
/// end, or made anew from some entry on, is found by the mark that was kept of the newest entry, or by one that was
/// noted elsewhere.
public struct AuditChecker: Equatable, Sendable {
    public private(set) var place: AuditMark
    public private(set) var fault: AuditFault?
    /// Marks noted elsewhere that entries must agree with.
    private let noted: [AuditMark]

    public init(from base: AuditMark, noted: [AuditMark] = []) {
        place = base
        self.noted = noted
        for mark in noted where mark.number == base.number && mark.hash != base.hash {
            fault = AuditFault(number: mark.number, reason: "is not the entry that was noted")
        }
    }

    public mutating func check(_ entry: AuditEntry) {
        guard fault == nil else { return }
        let expected = place.number + 1
        if entry.number > expected {
            fault = AuditFault(number: expected, reason: "is missing")
        } else if entry.number < expected {
            fault = AuditFault(number: entry.number, reason: "stands after entry \(place.number)")
        } else if entry.hash != entry.hash(after: place.hash) {
            fault = AuditFault(
                number: expected,
                reason: expected == 1
                    ? "was changed" : "was changed, or entry \(place.number) was changed together with its hash")
        } else if noted.contains(where: { $0.number == expected && $0.hash != entry.hash }) {
            fault = AuditFault(number: expected, reason: "is not the entry that was noted")
        }
        place = AuditMark(number: entry.number, hash: entry.hash)
    }

    /// After the last entry.
    /// - Parameter newest: the mark that was kept of it.
    /// - Returns: what is wrong, or `nil`.
    public func finished(newest: AuditMark) -> AuditFault? {
        if let fault { return fault }
        if place.number < newest.number {
            return AuditFault(number: place.number + 1, reason: "is missing at the end")
        }
        if place.number > newest.number {
            return AuditFault(number: newest.number + 1, reason: "is beyond the newest entry that is known")
        }
        if place.hash != newest.hash {
            return AuditFault(number: place.number, reason: "was changed together with its hash")
        }
        if let mark = noted.first(where: { $0.number > place.number }) {
            return AuditFault(number: place.number + 1, reason: "is missing at the end, up to \(mark.number)")
        }
        return nil
    }
}

/// What a store found when it read its whole log.
public struct AuditVerification: Codable, Equatable, Sendable {
    /// Entries that are kept.
    public var entries: Int
    /// The newest of those that are not kept any more.
    public var base: AuditMark
    public var newest: AuditMark
    public var fault: AuditFault?

    public init(entries: Int, base: AuditMark, newest: AuditMark, fault: AuditFault?) {
        self.entries = entries
        self.base = base
        self.newest = newest
        self.fault = fault
    }
}

extension String {
    /// At most so many bytes of whole characters; `…` where something is missing.
    fileprivate func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var text = ""
        for character in self {
            guard text.utf8.count + character.utf8.count + 3 <= bytes else { break }
            text.append(character)
        }
        return text + "…"
    }
}
