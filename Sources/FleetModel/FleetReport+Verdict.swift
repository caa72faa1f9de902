extension FleetReport {
    /// Judges a run.
    /// - Parameters:
    ///   - enrolled: Boards that the coordinator knows.
    ///   - telemetry: Every stored record by board; order and repetition do not matter.
    ///   - percentiles: The percentile of each model's constraint, 0...100, by board. A model with telemetry but
    ///     without an entry fails the run, because nothing says what it should have kept.
    ///   - loads: The competing load of each board that had one.
    public init(
        enrolled: Set<BoardID>, telemetry: [BoardID: [TelemetryRecord]],
        percentiles: [BoardID: [ModelName: Double]], loads: [BoardID: LoadInterval], requirements: Requirements
    ) {
        expectedBoards = requirements.boards
        enrolledBoards = enrolled.count
        boards = enrolled.union(telemetry.keys).sorted().map { board in
            Self.verdict(
                on: board, records: telemetry[board] ?? [], percentiles: percentiles[board] ?? [:], load: loads[board],
                settledWindows: requirements.settledWindows)
        }
        var reasons = Self.fleetReasons(boards, enrolled: enrolled.count, requirements: requirements)
        for board in boards {
            reasons += board.reasons(
                load: loads[board.board], percentiles: percentiles[board.board] ?? [:], requirements: requirements)
        }
        for board in loads.keys.sorted() where !boards.contains(where: { $0.board == board }) {
            reasons.append("board \(board): it had a load but is not in the fleet")
        }
        self.reasons = reasons
        passed = reasons.isEmpty
    }

    private static func verdict(
        on board: BoardID, records: [TelemetryRecord], percentiles: [ModelName: Double], load: LoadInterval?,
        settledWindows: Int
    ) -> BoardVerdict {
        var positions: Set<TelemetryPosition> = []
        let unique = records.filter { positions.insert($0.position).inserted }
            .sorted { ($0.startMilliseconds, $0.position) < ($1.startMilliseconds, $1.position) }
        var windows: [ModelName: [Window]] = [:]
        for record in unique {
            for model in record.models { windows[model.model, default: []].append(Window(record, model)) }
        }
        let incarnations = Dictionary(grouping: unique, by: \.incarnation)
        return BoardVerdict(
            board: board, records: unique.count, gaps: gaps(in: unique),
            droppedRecords: incarnations.values.reduce(0) { total, records in
                total.adding(saturating: records.map(\.board.droppedRecords).max() ?? 0)
            },
            incarnations: incarnations.count,
            models: windows.keys.sorted().map { model in
                // A model without a percentile fails the run by name; 100 only keeps its figures defined.
                verdict(
                    on: model, windows: windows[model] ?? [], percentile: percentiles[model] ?? 100, load: load,
                    settledWindows: settledWindows)
            })
    }

    private static func fleetReasons(_ boards: [BoardVerdict], enrolled: Int, requirements: Requirements) -> [String] {
        var reasons: [String] = []
        if enrolled != requirements.boards {
            reasons.append("expected \(requirements.boards) boards, \(enrolled) are enrolled")
        }
        let gaps = boards.reduce(UInt64(0)) { $0.adding(saturating: $1.gaps) }
        if gaps > requirements.gaps {
            reasons.append("\(gaps) telemetry records are missing, allowed are \(requirements.gaps)")
        }
        let loads = boards.flatMap(\.models).compactMap(\.load)
        if requirements.adapts, !loads.isEmpty, !loads.contains(where: \.steppedDown) {
            reasons.append("no model stepped down: the load asked nothing of the fleet")
        }
        return reasons
    }
}

extension FleetReport.BoardVerdict {
    fileprivate func reasons(
        load: FleetReport.LoadInterval?, percentiles: [ModelName: Double], requirements: FleetReport.Requirements
    ) -> [String] {
        guard records > 0 else { return ["board \(board): no telemetry arrived"] }
        guard !models.isEmpty else { return ["board \(board): its telemetry names no model"] }
        return models.flatMap { model -> [String] in
            let place = "board \(board), model \(model.model): "
            var reasons = model.reasons(requirements: requirements)
            if percentiles[model.model] == nil { reasons.append("it ran without a constraint") }
            if load != nil { reasons += model.loadReasons(requirements: requirements) }
            return reasons.map { place + $0 }
        }
    }
}

extension FleetReport.ModelVerdict {
    fileprivate func reasons(requirements: FleetReport.Requirements) -> [String] {
        var reasons: [String] = []
        if let required = requirements.sloAttainment {
            if let sloAttainment, sloAttainment < required {
                reasons.append(
                    "SLO attainment is \(Self.percent(sloAttainment)), required is \(Self.percent(required))")
            } else if sloAttainment == nil {
                reasons.append("no frame arrived, so its SLO attainment is not known")
            }
        }
        if let required = requirements.accuracy {
            if let accuracy, accuracy < required {
                reasons.append("accuracy is \(Self.percent(accuracy)), required is \(Self.percent(required))")
            } else if accuracy == nil {
                reasons.append("no frame was labelled, so its accuracy is not known")
            }
        }
        return reasons
    }

    fileprivate func loadReasons(requirements: FleetReport.Requirements) -> [String] {
        guard let load else { return ["no telemetry window touches the load"] }
        var reasons: [String] = []
        if let limit = requirements.recoveryMilliseconds {
            if let recovery = load.recoveryMilliseconds, recovery > limit {
                reasons.append(
                    "obeyed its constraint again \(recovery) ms after the load began, allowed are \(limit) ms")
            } else if load.recoveryMilliseconds == nil {
                reasons.append("did not obey its constraint again while the load lasted")
            }
        }
        if let limit = requirements.relapses, let relapses = load.relapses, relapses > limit {
            reasons.append(
                "broke its constraint in \(Self.percent(relapses)) of the windows after it had recovered, "
                    + "allowed are \(Self.percent(limit))")
        }
        return requirements.adapts ? reasons + adaptationReasons(load) : reasons
    }

    private func adaptationReasons(_ load: FleetReport.LoadVerdict) -> [String] {
        guard let before = load.pointBefore else { return ["no window ended before the load began"] }
        var reasons: [String] = []
        // A model that kept its constraint in every window of the load would only have lost accuracy by stepping down.
        if !load.steppedDown, load.heldWindows < load.windows {
            reasons.append(
                before == 0
                    ? "was on its lowest point before the load, so it could not step down"
                    : "stayed on point \(before) or above under load, though it broke its constraint in "
                        + "\(load.windows - load.heldWindows) of \(load.windows) windows")
        }
        if load.pointAfter == nil {
            reasons.append("no window starts after the load ended")
        } else if !load.climbedBack {
            reasons.append("did not climb back to point \(before) after the load ended")
        }
        return reasons
    }

    private static func percent(_ share: Double) -> String { Figure.text(share * 100) + " %" }
}
