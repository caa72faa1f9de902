public import AdminAPI

extension FleetListing where Value == [ArtefactView] {
    public static var artefacts: Self {
        Self(["ARTEFACT", "KIND", "VERSIONS", "NEWEST", "BYTES", "DEPLOYED", "IN USE", "FETCHING", "REFUSED"]) {
            $0.map { view in
                func count(_ statuses: String...) -> String { "\(view.boards.count { statuses.contains($0.status) })" }
                return [
                    view.name, view.kind, "\(view.versions.count)", view.versions.last.map { "\($0.version)" } ?? "-",
                    view.versions.last.map { "\($0.sizeBytes)" } ?? "-",
                    view.deployedVersion.map { "\($0)" } ?? "-", count("in use"),
                    count("fetching", "waits for start"), count("refused"),
                ]
            }
        }
    }
}

extension FleetListing where Value == ArtefactView {
    /// What boards run and hold of it.
    public static var holdings: Self {
        Self(["BOARD", "STATUS", "RUNNING", "ON DISK", "KEPT", "DESIRED", "RECEIVED", "REASON"]) {
            $0.boards.map { board in
                func text(_ version: UInt64) -> String { version == 0 ? "configured" : "\(version)" }
                return [
                    board.board, board.status, board.runningVersion.map(text) ?? "-", text(board.version),
                    board.previousVersion == 0 ? "-" : "\(board.previousVersion)",
                    board.desiredVersion == 0 ? "-" : "\(board.desiredVersion)", "\(board.receivedBytes)",
                    board.reason ?? "-",
                ]
            }
        }
    }
}

extension ArtefactView {
    /// As `shoal describe artefact` takes it.
    public var fullName: String { "\(kind)/\(name)" }

    /// What stands above the boards.
    public var lines: [String] {
        let deployed = deployedVersion.map { "version \($0)" } ?? "no version"
        return ["artefact     \(fullName)", "deployed     \(deployed), generation \(generation)"]
            + versions.map {
                "version \($0.version)    \($0.sizeBytes) bytes, \($0.sha256), \(timeText($0.createdAtMilliseconds))"
            } + (warning.map { ["warning      \($0)"] } ?? []) + [""]
    }
}
