import FleetModel

/// What models cost each other on boards of a class: the median of what its boards measured, for a board that measured
/// nothing of a pair itself. Where two boards differ tenfold nobody knows which is wrong, and neither counts.
struct ClassInterference {
    private var factors: [String: [String: [String: Double]]] = [:]

    init(of boards: some Sequence<BoardDescription>) {
        var measured: [String: [String: [String: [Double]]]] = [:]
        for board in boards {
            for (model, row) in board.interference?.factors ?? [:] {
                for (neighbour, factor) in row {
                    measured[board.boardClass, default: [:]][model, default: [:]][neighbour, default: []].append(factor)
                }
            }
        }
        factors = measured.mapValues { $0.mapValues { $0.compactMapValues(Self.agreed) } }
    }

    /// The board's own figures, completed by its class's.
    func predicted(for board: BoardDescription) -> Interference {
        var own = board.interference?.factors ?? [:]
        let names = Set(board.models.map(\.name.rawValue))
        for (model, row) in factors[board.boardClass] ?? [:] where names.contains(model) {
            for (neighbour, factor) in row where names.contains(neighbour) && own[model]?[neighbour] == nil {
                own[model, default: [:]][neighbour] = factor
            }
        }
        return Interference(factors: own)
    }

    private static func agreed(_ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard let least = sorted.first, let most = sorted.last, sorted.count > 2 || most <= 10 * least else {
            return nil
        }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

extension BoardDescription {
    /// Whether it measured every pair of its models.
    var hasMeasuredInterference: Bool {
        models.allSatisfy { model in
            let row = interference?.factors[model.name.rawValue]
            return models.allSatisfy { $0.name == model.name || row?[$0.name.rawValue] != nil }
        }
    }
}
