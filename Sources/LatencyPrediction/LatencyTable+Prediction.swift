public import SearchSpace

extension LatencyTable {
    /// Milliseconds of one subnet: the sum of its operators' means.
    ///
    /// Throws an `OperatorRefusal` for a configuration outside the supernet, or a `LatencyRefusal` that names the
    /// first missing row.
    public func predict(_ configuration: SubnetConfiguration, of operators: SupernetOperators) throws -> Double {
        try operators.operators(of: configuration).reduce(0) { sum, row in
            sum + (try entry(row.latencyKey, resolution: configuration.resolution).mean)
        }
    }

    /// The table compiled for many predictions of subnets of a space, in milliseconds.
    ///
    /// Throws an `OperatorRefusal` if the space does not fit the supernet, or a `LatencyRefusal` that names the first
    /// row that some subnet of the space needs and the table lacks.
    /// - Parameter scale: what every row is multiplied by.
    public func prepare(
        for space: SearchSpace, of operators: SupernetOperators, scale: Double = 1
    ) throws -> AdditiveCost {
        try operators.requireFit(of: space)
        return try AdditiveCost(space: space, operators: operators) { row, resolution in
            try entry(row.latencyKey, resolution: resolution).mean * scale
        }
    }

    /// The rows that a board has to measure for every subnet of a space to be predictable, each once.
    public static func requiredOperators(
        of operators: SupernetOperators, space: SearchSpace, resolution: Int
    ) throws -> [SubnetOperator] {
        var rows: [String: SubnetOperator] = [:]
        let single = SearchSpace(
            name: space.name, stageCount: space.stageCount, resolutions: [resolution], depths: space.depths,
            kernelSizes: space.kernelSizes, expandRatios: space.expandRatios)
        _ = try AdditiveCost(space: single, operators: operators) { row, _ in
            rows[row.latencyKey] = row
            return 0
        }
        return rows.sorted { $0.key < $1.key }.map(\.value)
    }
}
