import Crypto

/// What people may change, and what changes by rules that they set, as the audit log names it.
public enum AuditAction: String, Codable, Sendable, CaseIterable {
    case policyApplied, boardRevoked, enrolmentTokenCreated, searchSubmitted, searchCancelled, hooksRolledBack
    case accessTokenCreated, accessTokenRevoked
    case rolloutCreated, rolloutApproved, rolloutPaused, rolloutResumed, rolloutAborted
    /// By the coordinator, as the rollout's rules want it.
    case rolloutAdvanced
    /// The whole database was copied to a file.
    case backupTaken
    case artefactAdded, artefactRemoved, artefactDeployed, artefactWithdrawn, artefactKeyRotated
    case policyWithdrawn
    case boardDrained, boardUndrained
    /// The first by whoever wanted it, the second by the coordinator when the board speaks with its new key.
    case keyRotationBegun, keyRotated
    /// By whoever had the token: a board joined, or came back under its name with another key.
    case boardEnrolled
}

/// A change by a person that is to be made: what becomes an entry together with it.
public struct AuditDraft: Equatable, Sendable {
    /// The name of the token that it was made with.
    public var actor: String
    public var action: AuditAction
    /// What was changed, such as `policy kitchen`.
    public var target: String
    /// In short; `nil` where there was nothing.
    public var before: String?
    /// In short; `nil` where there is nothing any more.
    public var after: String?
    /// Since 1970 by the coordinator's clock.
    public var atMilliseconds: UInt64

    public init(
        actor: String, action: AuditAction, target: String, before: String? = nil, after: String? = nil,
        atMilliseconds: UInt64
    ) {
        self.actor = actor
        self.action = action
        self.target = target
        self.before = before
        self.after = after
        self.atMilliseconds = atMilliseconds
    }
}

/// One change as it is kept. Entries are text so that one that was tampered with can still be read and named.
public struct AuditEntry: Codable, Equatable, Sendable {
    /// From 1, without gaps.
    public var number: UInt64
    public var atMilliseconds: UInt64
    public var actor: String
    public var action: String
    public var target: String
    public var before: String?
    public var after: String?
    /// SHA-256 over the hash of the entry before and all fields above, in hexadecimal.
    public var hash: String

    public init(
        number: UInt64, atMilliseconds: UInt64, actor: String, action: String, target: String, before: String?,
        after: String?, hash: String
    ) {
        self.number = number
        self.atMilliseconds = atMilliseconds
        self.actor = actor
        self.action = action
        self.target = target
        self.before = before
        self.after = after
        self.hash = hash
    }

    /// What `hash` has to be after an entry of that hash. Every field has its length before it, so that no two entries
    /// are the same bytes.
    public func hash(after previous: String) -> String {
        var bytes = Array("shoal audit 1".utf8)
        func add(_ number: UInt64) {
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        func add(_ text: String?) {
            guard let text else { return bytes.append(0) }
            bytes.append(1)
            add(UInt64(text.utf8.count))
            bytes += Array(text.utf8)
        }
        add(previous)
        add(number)
        add(atMilliseconds)
        for field in [actor, action, target, before, after] { add(field) }
        return SHA256.hash(data: bytes).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
