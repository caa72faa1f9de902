public import AdminAPI

extension BoardDrain {
    /// As `shoal board` says it.
    public var text: String {
        let would = dryRun ? "would " : ""
        guard !isUnchanged else { return "\(board) \(isDrained ? "is drained" : "takes part") already" }
        let names = models.isEmpty ? "no model" : models.joined(separator: ", ")
        let what =
            isDrained
            ? "\(would)be left alone: assignments withdrawn of \(names)" : "\(would)take part: assigned again \(names)"
        return dryRun
            ? "\(board) \(what)"
            : "\(board) \(isDrained ? "is drained" : "takes part"), generation \(generation): "
                + "\(isDrained ? "withdrawn" : "assigned") \(names)"
    }
}

extension KeyRotationStart {
    /// As `shoal board rotate-key` says it.
    public var text: String {
        let hours = seconds % 3_600 == 0 ? "\(seconds / 3_600) h" : "\(seconds) s"
        let list =
            boards.prefix(10).joined(separator: ", ") + (boards.count > 10 ? " and \(boards.count - 10) more" : "")
        return dryRun
            ? "\(boards.count) boards would make new keys: \(list)"
            : "\(boards.count) boards make new keys within \(hours): \(list)"
    }
}

extension BoardView {
    /// Its connection, whether nothing is learned from it, and whether it is left alone: `draining` until it has
    /// reported that nothing is assigned to it.
    public var statusText: String {
        var words = [status]
        if quarantine != nil { words.append("quarantined") }
        if isDrained == true { words.append(reportedGeneration == desiredGeneration ? "drained" : "draining") }
        return words.joined(separator: ", ")
    }

    /// What is to be said of its key.
    var keyText: String {
        let since = keySinceMilliseconds.map { "since \(timeText($0))" } ?? "unknown"
        guard let change = keyChange else { return since }
        let what = change.hasNextKey ? "the new one is made and both are taken" : "a new one is wanted"
        return "\(since); \(what) until \(timeText(change.untilMilliseconds))"
    }
}

/// Labels that boards are chosen by, as people write them: `tier=edge,site=north`.
public struct BoardSelector: Equatable, Sendable {
    public let labels: [String: String]

    /// `nil` where it is not written so.
    public init?(_ text: String) {
        var labels: [String: String] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            // What others write for "is" and "is not", which would select nothing here.
            guard pair.count == 2, !pair[0].isEmpty, pair[0].last != "!", pair[1].first != "=",
                labels.updateValue(pair[1], forKey: pair[0]) == nil
            else { return nil }
        }
        self.labels = labels
    }

    public func selects(_ board: BoardView) -> Bool { labels.allSatisfy { board.labels[$0.key] == $0.value } }
}
