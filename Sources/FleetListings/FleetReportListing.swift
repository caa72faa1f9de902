public import FleetModel

extension FleetListing where Value == FleetReport {
    /// A row for each model of each board, with what a competing load did to it.
    public static var report: Self {
        Self([
            "BOARD", "MODEL", "FRAMES", "DROPPED", "SLO %", "ACCURACY %", "SWITCHES", "POINT BEFORE", "LOWEST", "AFTER",
            "OBEYED AFTER ms",
        ]) { report in
            report.boards.flatMap { board in
                board.models.map { model in
                    let load = model.load
                    return [
                        board.board.rawValue, model.model.rawValue, "\(model.frames)", "\(model.dropped)",
                        model.sloAttainment.map { (100 * $0).text(2) } ?? "-",
                        model.accuracy.map { (100 * $0).text(2) } ?? "-", "\(model.switches)",
                        load?.pointBefore.map { "\($0)" } ?? "-", load.map { "\($0.lowestPoint)" } ?? "-",
                        load?.pointAfter.map { "\($0)" } ?? "-",
                        load?.recoveryMilliseconds.map { "\($0)" } ?? "never",
                    ]
                }
            }
        }
    }
}

extension FleetReport {
    /// What stands below the models: who took part, and the verdict with its reasons.
    public var lines: [String] {
        let records = boards.map { "\($0.board) \($0.records) (\($0.gaps) missing)" }.joined(separator: ", ")
        return [
            "\(enrolledBoards) of \(expectedBoards) boards enrolled; telemetry records: \(records)",
            passed ? "The fleet did its job." : "The fleet did not do its job:",
        ] + reasons.map { "- \($0)" }
    }
}
