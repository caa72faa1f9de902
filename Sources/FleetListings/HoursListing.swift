public import AdminAPI

extension FleetListing where Value == [BoardHourView] {
    /// One row for each model, its hours added up.
    public static var lastDay: Self {
        Self([
            "MODEL", "WINDOWS", "COVERED h", "FRAMES", "DROPPED", "SLO %", "ACCURACY %", "SWITCHES", "HIGHEST p99 ms",
        ]) {
            $0.map { hours in
                [
                    hours.model, "\(hours.windows)", (Double(hours.coveredMilliseconds) / 3_600_000).text(2),
                    "\(hours.frames)", "\(hours.dropped)", hours.sloAttainment.map { (100 * $0).text(2) } ?? "-",
                    hours.accuracy.map { (100 * $0).text(2) } ?? "-", "\(hours.switches)",
                    hours.p99Milliseconds.text(2),
                ]
            }
        }
    }
}
