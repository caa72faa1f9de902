public import FleetModel

extension InMemoryFleetStore {
    public func telemetryHours(board: BoardID, sinceMilliseconds: UInt64, limit: Int) throws -> [TelemetryHour] {
        _ = try signed(sinceMilliseconds, "sinceMilliseconds")
        return Array(
            (hours[board] ?? [:]).values.flatMap(\.values).filter { $0.startMilliseconds >= sinceMilliseconds }
                .sorted { ($0.startMilliseconds, $0.model) < ($1.startMilliseconds, $1.model) }
                .prefix(max(0, limit)))
    }

    public func removeTelemetry(_ page: RetentionPage) throws -> RemovedTelemetry {
        try page.checkRange()
        let rows = telemetry.flatMap { board, kept in kept.records.map { (board: board, row: $0) } }
            .filter { $0.row.number > page.after }.sorted { $0.row.number < $1.row.number }.prefix(max(0, page.limit))
        var removed = 0
        for (board, row) in rows where row.stored.receivedAtMilliseconds < page.receivedBeforeMilliseconds {
            let record = row.stored.record
            if let progress = telemetry[board]?.progress[record.incarnation], record.sequence > progress.contiguous {
                continue
            }
            telemetry[board]?.records.removeAll { $0.number == row.number }
            telemetry[board]?.progress[record.incarnation]?.recordRemoved(record.sequence)
            removed += 1
        }
        let received = rows.map(\.row.stored.receivedAtMilliseconds)
        return RemovedTelemetry(records: removed, next: page.next(last: rows.last?.row.number, received: received))
    }

    func add(_ gathered: GatheredHours, receivedAtMilliseconds: UInt64) {
        for (key, hour) in gathered.sorted {
            hours[key.board, default: [:]][key.model, default: [:]][
                key.startMilliseconds,
                default: TelemetryHour(model: key.model, startMilliseconds: key.startMilliseconds)
            ].add(hour)
        }
        let ahead = receivedAtMilliseconds + GatheredHours.aheadMilliseconds
        for board in Set(gathered.hours.keys.map(\.board)) { forgetHours(of: board, ahead: ahead) }
    }

    private func forgetHours(of board: BoardID, ahead: UInt64) {
        guard var kept = hours[board] else { return }
        for model in kept.keys {
            let starts = (kept[model] ?? [:]).keys.sorted()
            let order: [UInt64] = starts.filter { $0 > ahead }.reversed() + starts.filter { $0 <= ahead }
            for start in order.prefix(max(0, starts.count - limits.hoursPerModel)) { kept[model]?[start] = nil }
        }
        let newest = kept.mapValues { $0.keys.max() ?? 0 }
        let models = kept.keys.sorted { (newest[$0] ?? 0, $0) < (newest[$1] ?? 0, $1) }
        for model in models.prefix(max(0, models.count - limits.modelsWithHours)) { kept[model] = nil }
        hours[board] = kept
    }
}

extension RetentionPage {
    package func checkRange() throws(FleetStoreFailure) {
        _ = try signed(receivedBeforeMilliseconds, "receivedBeforeMilliseconds")
        _ = try signed(nowMilliseconds, "nowMilliseconds")
        _ = try signed(after, "after")
    }
}
