extension FleetReport {
    /// One model's part of one telemetry record.
    struct Window: Equatable {
        var startMilliseconds: UInt64
        var endMilliseconds: UInt64
        var model: ModelTelemetry

        init(_ record: TelemetryRecord, _ model: ModelTelemetry) {
            startMilliseconds = record.startMilliseconds
            endMilliseconds = record.startMilliseconds &+ UInt64(record.durationMilliseconds)
            self.model = model
        }

        func holds(percentile: Double) -> Bool {
            // The tolerance is for the percentile's own rounding, as in 99.9 / 100.
            model.arrived > 0 && Double(model.kept) >= Double(model.arrived) * percentile / 100 - 1e-9
        }

        func touches(_ load: LoadInterval) -> Bool {
            startMilliseconds < load.endMilliseconds && endMilliseconds > load.startMilliseconds
        }
    }

    /// Windows of one model, in the order of time.
    static func verdict(
        on model: ModelName, windows: [Window], percentile: Double, load: LoadInterval?, settledWindows: Int
    ) -> ModelVerdict {
        let models = windows.map(\.model)
        return ModelVerdict(
            model: model, windows: windows.count, frames: windows.reduce(0) { $0 + UInt64($1.model.frames) },
            dropped: windows.reduce(0) { $0 + UInt64($1.model.dropped) },
            sloAttainment: models.sloAttainment, labelled: models.reduce(0) { $0 + UInt64($1.labelled) },
            accuracy: models.accuracy,
            switches: windows.reduce(0) { $0 + UInt64($1.model.switches) },
            load: load.flatMap {
                verdict(on: windows, under: $0, percentile: percentile, settledWindows: settledWindows)
            })
    }

    private static func verdict(
        on windows: [Window], under load: LoadInterval, percentile: Double, settledWindows: Int
    ) -> LoadVerdict? {
        let during = windows.filter { $0.touches(load) }
        guard let lowest = during.map(\.model.activePoint).min() else { return nil }
        let held = during.map { $0.holds(percentile: percentile) }
        let recovered = held.indices.first { index in
            index + settledWindows <= held.count && held[index..<index + settledWindows].allSatisfy { $0 }
        }
        let before = usualPoint(of: windows, before: load)
        let after = windows.filter { $0.startMilliseconds >= load.endMilliseconds }
        let back = before.flatMap { point in after.first { $0.model.activePoint >= point } }
        return LoadVerdict(
            windows: during.count, heldWindows: held.count { $0 },
            recoveryMilliseconds: recovered.map { index in
                let start = during[index].startMilliseconds
                return start > load.startMilliseconds ? start - load.startMilliseconds : 0
            },
            relapses: recovered.map { index in
                Double(held[index...].count { !$0 }) / Double(held.count - index)
            },
            pointBefore: before, lowestPoint: lowest, pointAfter: after.map(\.model.activePoint).max(),
            climbMilliseconds: back.map { $0.endMilliseconds - load.endMilliseconds })
    }

    /// The median point of the windows before the load, over a time as long as the load: the last window alone may be
    /// one that a passing disturbance of the machine has lowered.
    private static func usualPoint(of windows: [Window], before load: LoadInterval) -> UInt32? {
        let length = load.endMilliseconds - load.startMilliseconds
        let earliest = load.startMilliseconds - min(load.startMilliseconds, length)
        let points = windows.filter { $0.startMilliseconds >= earliest && $0.endMilliseconds <= load.startMilliseconds }
            .map(\.model.activePoint).sorted()
        return points.isEmpty ? nil : points[points.count / 2]
    }

    /// Records missing below the highest sequence number of each incarnation, counted from 1.
    /// - Parameter records: without duplicates.
    static func gaps(in records: [TelemetryRecord]) -> UInt64 {
        Dictionary(grouping: records, by: \.incarnation).values.reduce(0) { total, incarnation in
            let highest = incarnation.map(\.sequence).max() ?? 0
            return total.adding(saturating: highest - min(highest, UInt64(incarnation.count)))
        }
    }
}

extension UInt64 {
    /// Counts that boards report are theirs to choose, so a sum of them must not trap.
    func adding(saturating other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
