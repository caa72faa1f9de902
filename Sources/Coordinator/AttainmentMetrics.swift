import FleetMetrics
import FleetModel

extension MetricFamily {
    /// What the fleet's models attain now, by board class and model: over the newest windows of boards that are
    /// connected. Bounded like counts: classes and models beyond the limit are told together as `other`.
    static func attainment(
        of fleet: CoordinatorActor.Watched, limit: Int = LabelledCounter.seriesLimit
    ) -> [MetricFamily] {
        var sums: [[String]: Attainment] = [:]
        for state in fleet.states where state.status == .connected {
            for (model, windows) in (fleet.recents[state.board.id] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let labels = [state.board.boardClass, model.rawValue]
                let isKnown = sums[labels] != nil || sums.count < limit
                sums[isKnown ? labels : labels.map { _ in "other" }, default: Attainment()].add(windows.attainment)
            }
        }
        let sorted = sums.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { labels, attainment in
            (labels: ["board_class": labels[0], "model": labels[1]], attainment: attainment)
        }
        return [
            MetricFamily(
                "shoal_model_slo_attainment_ratio", .gauge,
                "Share of the frames that came, in the newest 600 windows of each connected board, that kept the "
                    + "constraint.",
                sorted.compactMap { one in one.attainment.sloAttainment.map { .init($0, labels: one.labels) } })
        ] + bySource(sorted)
    }

    /// Accuracy and its product with SLO attainment, told by labels and by points alike where there are both.
    private static func bySource(
        _ sums: [(labels: [String: String], attainment: Attainment)]
    ) -> [MetricFamily] {
        func samples(_ value: (Attainment, Attainment.Source) -> Double?) -> [MetricFamily.Sample] {
            sums.flatMap { one in
                Attainment.Source.allCases.compactMap { source in
                    value(one.attainment, source).map {
                        .init($0, labels: one.labels.merging(["source": source.rawValue]) { first, _ in first })
                    }
                }
            }
        }
        return [
            MetricFamily(
                "shoal_model_accuracy_ratio", .gauge,
                "Accuracy in the same windows: of frames with labels, or of the operating points that ran, by source.",
                samples { $0.accuracy(by: $1) }),
            MetricFamily(
                "shoal_model_attained_accuracy_ratio", .gauge,
                "SLO attainment times accuracy in the same windows, by the accuracy's source.",
                samples { $0.attainedAccuracy(by: $1) }),
        ]
    }
}
