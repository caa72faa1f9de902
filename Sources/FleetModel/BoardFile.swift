import SearchSpace
import Yams

/// A board as `shoal allocate` reads it, from YAML or JSON:
///
///     name: kitchen                      # optional, like every field but cores, models and what marks them
///     boardClass: four-cores
///     labels: { tier: edge }
///     cores: 4                           # CPU time that the models may use, in cores
///     memoryBytes: 1073741824            # without it memory is no constraint
///     watts: 5                           # power for the models; without it energy is no constraint
///     reserve: { cpu: 0.2, memoryBytes: 0, watts: 0 }   # cpu 0 where neither this nor a policy says it
///     interference:                      # classifier takes 1.25 times as long beside detector
///       classifier: { detector: 1.25 }
///     models:
///       - model: classifier              # required; `name` is accepted
///         framesPerSecond: 30            # required
///         memoryBytes: 20000000          # kept in memory at every point
///         points:                        # required, 1 to 64, in any order
///           - accuracy: 0.91             # required, top-1, 0...1
///             latencyMilliseconds: 7.5   # required, median on the idle board
///             p95Milliseconds: 9         # any of p50, p75, p90, p95, p99, p99.9
///             name: small                # printed with the assignment
///             subnet: { resolution: 28, depths: [2], kernelSizes: [3], expandRatios: [3] }
///             resolution: 28             # where there is no subnet
///             precision: int8            # fp32, bf16 or int8
///             threads: 2                 # 1 unless given
///             hookBudget: 0.02
///             cpuMilliseconds: 14        # latencyMilliseconds x threads unless given
///             memoryBytes: 3000000       # on top of the model's
///             energyMillijoules: 30      # of one frame
///             flops: 12000000
///
/// Slow-downs of several neighbours are multiplied; a pair that is not listed does not slow down. A point may also be
/// a row of a Pareto table as `shoal calibrate` writes it (`configuration` for `subnet`).
public struct BoardFile: Equatable, Sendable {
    public struct Model: Equatable, Sendable {
        public var name: ModelName
        public var framesPerSecond: Double
        /// Kept in memory at every point.
        public var memoryBytes: UInt64
        public var points: [OperatingPoint]
        /// What the file calls the points; `nil` where it does not.
        public var pointNames: [String?]

        /// The points as a board reports them, which knows of no memory beside theirs.
        fileprivate var pointsWithKeptMemory: [OperatingPoint] {
            guard memoryBytes > 0 else { return points }
            return points.map { point in
                var point = point
                var demand = point.demand ?? PointDemand()
                let sum = demand.memoryBytes.addingReportingOverflow(memoryBytes)
                demand.memoryBytes = sum.overflow ? .max : sum.partialValue
                point.demand = demand
                return point
            }
        }
    }

    public var name: String
    public var boardClass: String
    public var labels: [String: String]
    public var cores: Double
    public var memoryBytes: UInt64?
    public var watts: Double?
    public var reserve: BoardReserve
    public var interference: Interference
    public var models: [Model]

    /// - Parameter file: names the text in refusals.
    public static func parse(_ text: String, file: String) throws(PolicyRefusal) -> BoardFile {
        let documents = try PolicyFile.documents(text, file: file)
        guard documents.count == 1 else {
            throw PolicyFile.several(documents, "board", file: file)
        }
        return try PolicyReader(file: file).board(documents[0])
    }

    /// What is known of it to whoever selects boards.
    public var description: BoardDescription {
        BoardDescription(
            id: BoardID(name) ?? Self.unnamed, boardClass: boardClass, labels: labels, cores: cores,
            memoryBytes: memoryBytes ?? 0, engineVersion: "",
            models: models.map { DeployedModel(name: $0.name, framesPerSecond: $0.framesPerSecond, points: $0.points) },
            watts: watts)
    }

    /// As a board reports itself, whose points state with their own memory what their model keeps at each of them.
    public var report: BoardDescription {
        var report = description
        for (index, model) in models.enumerated() { report.models[index].points = model.pointsWithKeptMemory }
        return report
    }

    static let defaultName = "board"
    static let defaultClass = "unknown"
    private static let unnamed: BoardID = {
        guard let id = BoardID(defaultName) else { preconditionFailure("\(defaultName) is a board name") }
        return id
    }()
}

/// How much longer models take beside others on one board, as measured there: the slow-down matrix.
public struct Interference: Equatable, Codable, Sendable {
    /// By the model that is slowed down, then by the neighbour: its latency beside the neighbour over that alone.
    public var factors: [String: [String: Double]]

    public static let factorRange = 0.01...1_000.0
    /// What a board can have measured: models that share processors and caches take turns, they do not stand still.
    public static let possibleRange = 0.1...100.0

    public init(factors: [String: [String: Double]] = [:]) { self.factors = factors }

    /// How much longer the model takes beside all these neighbours: the product of their factors, which overstates
    /// rather than understates what they do together.
    public func slowdown(of model: String, beside neighbours: some Sequence<String>) -> Double {
        neighbours.filter { $0 != model }.sorted().reduce(1) { $0 * (factors[model]?[$1] ?? 1) }
    }
}

extension PolicyReader {
    private static let percentileFields: KeyValuePairs<String, Double> = [
        "p50Milliseconds": 50, "p75Milliseconds": 75, "p90Milliseconds": 90, "p95Milliseconds": 95,
        "p99Milliseconds": 99, "p99.9Milliseconds": 99.9,
    ]
    private static let precisions = ["fp32", "bf16", "int8"]

    func board(_ document: Node) throws(PolicyRefusal) -> BoardFile {
        let fields = try mapping(
            document, "board", required: ["cores", "models"],
            optional: [
                "name", "boardClass", "labels", "memoryBytes", "watts", "reserve", "interference", "engineVersion",
            ])
        let cores = try number(fields.value("cores"), "cores", within: 0...BoardDescription.coreLimit)
        guard cores > 0 else { throw refusal(fields.value("cores"), "cores", "must be greater than 0") }
        let models = try boardModels(fields.value("models"))
        let memory = try bytes(fields["memoryBytes"], "memoryBytes")
        let watts = try optionalNumber(fields["watts"], "watts", within: 0...1e6)
        let reserve = try reserve(fields["reserve"], memoryBytes: memory, watts: watts)
        return BoardFile(
            name: try fields["name"].map { node throws(PolicyRefusal) in try resourceName(node, "name") }
                ?? BoardFile.defaultName,
            boardClass: try fields["boardClass"].map { node throws(PolicyRefusal) in try text(node, "boardClass") }
                ?? BoardFile.defaultClass,
            labels: try fields["labels"].map { node throws(PolicyRefusal) in try labels(node, "labels") } ?? [:],
            cores: cores, memoryBytes: memory, watts: watts, reserve: reserve,
            interference: try interference(fields["interference"], models: models.map(\.name.rawValue)),
            models: models)
    }

    /// A board that keeps back all it has has none for its models.
    private func reserve(_ node: Node?, memoryBytes: UInt64?, watts: Double?) throws(PolicyRefusal) -> BoardReserve {
        guard let node else { return BoardReserve() }
        let reserve = try boardReserve(node, "reserve")
        let (kept, bytes) = (reserve.memoryBytes, memoryBytes ?? .max)
        guard kept == 0 || kept < bytes else {
            throw refusal(
                node.mapping?["memoryBytes"] ?? node, "reserve.memoryBytes",
                "\(kept) leaves the models none of the \(bytes) of memoryBytes")
        }
        guard reserve.watts == 0 || reserve.watts < watts ?? .infinity else {
            throw refusal(
                node.mapping?["watts"] ?? node, "reserve.watts",
                "\(Figure.shown(reserve.watts, places: 3)) leaves the models none of the "
                    + "\(Figure.shown(watts ?? 0, places: 3)) of watts")
        }
        return reserve
    }

    private func boardModels(_ node: Node) throws(PolicyRefusal) -> [BoardFile.Model] {
        guard case .sequence(let items) = node else { throw refusal(node, "models", "must be a list") }
        guard (1...FleetLimits.modelsPerBoard).contains(items.count) else {
            throw refusal(
                node, "models", "has \(items.count) models, allowed are 1 to \(FleetLimits.modelsPerBoard)")
        }
        var models: [BoardFile.Model] = []
        for (index, item) in items.enumerated() {
            let model = try boardModel(item, "models[\(index)]")
            guard !models.contains(where: { $0.name == model.name }) else {
                throw refusal(item, "models[\(index)].model", "the model '\(model.name)' is named twice")
            }
            models.append(model)
        }
        return models
    }

    private func boardModel(_ node: Node, _ path: String) throws(PolicyRefusal) -> BoardFile.Model {
        let fields = try mapping(
            node, path, required: ["framesPerSecond", "points"], optional: ["model", "name", "memoryBytes"])
        guard let nameNode = fields["model"] ?? fields["name"] else {
            throw refusal(node, path, "the field 'model' is missing")
        }
        let text = try resourceName(nameNode, "\(path).model")
        guard let name = ModelName(text) else { throw refusal(nameNode, "\(path).model", "is not a model name") }
        if let node = fields["name"], try resourceName(node, "\(path).name") != text {
            throw refusal(node, "\(path).name", "is another than that of the field 'model', '\(text)'; give one")
        }
        let rate = try number(
            fields.value("framesPerSecond"), "\(path).framesPerSecond", within: 0...BoardDescription.frameRateLimit)
        guard rate > 0 else {
            throw refusal(fields.value("framesPerSecond"), "\(path).framesPerSecond", "must be greater than 0")
        }
        guard case .sequence(let items) = fields.value("points") else {
            throw refusal(fields.value("points"), "\(path).points", "must be a list")
        }
        guard (1...FleetLimits.pointsPerModel).contains(items.count) else {
            throw refusal(
                fields.value("points"), "\(path).points",
                "has \(items.count) points, allowed are 1 to \(FleetLimits.pointsPerModel)")
        }
        var points: [(OperatingPoint, String?)] = []
        for (index, item) in items.enumerated() { points.append(try point(item, "\(path).points[\(index)]")) }
        return BoardFile.Model(
            name: name, framesPerSecond: rate,
            memoryBytes: try bytes(fields["memoryBytes"], "\(path).memoryBytes") ?? 0, points: points.map(\.0),
            pointNames: points.map(\.1))
    }

    private func point(_ node: Node, _ path: String) throws(PolicyRefusal) -> (OperatingPoint, String?) {
        let fields = try mapping(
            node, path, required: ["accuracy", "latencyMilliseconds"],
            optional: [
                "name", "subnet", "configuration", "resolution", "precision", "threads", "hookBudget",
                "cpuMilliseconds", "memoryBytes", "energyMillijoules", "flops",
            ] + Self.percentileFields.map(\.key))
        let latency = try positive(fields.value("latencyMilliseconds"), "\(path).latencyMilliseconds")
        var percentiles: [LatencyConstraint] = []
        for (field, percentile) in Self.percentileFields {
            guard let node = fields[field] else { continue }
            let milliseconds = try positive(node, "\(path).\(field)")
            guard milliseconds >= latency else {
                let texts = Figure.texts(milliseconds, latency)
                throw refusal(
                    node, "\(path).\(field)",
                    "\(texts.first) is below the median, latencyMilliseconds, which is \(texts.second)")
            }
            percentiles.append(LatencyConstraint(milliseconds: milliseconds, percentile: percentile))
        }
        for (lower, higher) in zip(percentiles, percentiles.dropFirst()) where lower.milliseconds > higher.milliseconds
        {
            throw refusal(
                node, path, "p\(Figure.shown(higher.percentile))Milliseconds is below that of a lower percentile")
        }
        let demand = PointDemand(
            precision: try precision(fields["precision"], "\(path).precision"),
            threads: try fields["threads"].map { node throws(PolicyRefusal) in
                try integer(node, "\(path).threads", within: 1...1_024)
            } ?? 1,
            hookBudget: try optionalNumber(fields["hookBudget"], "\(path).hookBudget", within: 0...1e6),
            cpuMilliseconds: try optionalNumber(
                fields["cpuMilliseconds"], "\(path).cpuMilliseconds",
                within: 0...BoardDescription.latencyLimitMilliseconds),
            memoryBytes: try bytes(fields["memoryBytes"], "\(path).memoryBytes") ?? 0,
            energyMillijoules: try optionalNumber(
                fields["energyMillijoules"], "\(path).energyMillijoules", within: 0...1e9) ?? 0,
            percentiles: percentiles)
        let name = try fields["name"].map { node throws(PolicyRefusal) in try text(node, "\(path).name") }
        return (
            OperatingPoint(
                configuration: try subnet(fields, path),
                accuracy: try number(fields.value("accuracy"), "\(path).accuracy", within: 0...1),
                latencyMilliseconds: latency,
                flops: Int(try optionalNumber(fields["flops"], "\(path).flops", within: 0...1e18) ?? 0),
                demand: demand), name
        )
    }

    private func positive(_ node: Node, _ field: String) throws(PolicyRefusal) -> Double {
        let value = try number(node, field, within: 0...BoardDescription.latencyLimitMilliseconds)
        guard value > 0 else { throw refusal(node, field, "must be greater than 0") }
        return value
    }

    private func precision(_ node: Node?, _ field: String) throws(PolicyRefusal) -> String? {
        guard let node else { return nil }
        let precision = try text(node, field)
        guard Self.precisions.contains(precision) else {
            throw refusal(
                node, field, "'\(precision.prefix(64))' is none of \(Self.precisions.joined(separator: ", "))")
        }
        return precision
    }

    /// Without a subnet a point runs a network as it is: no elastic dimension but the resolution.
    private func subnet(_ point: Fields, _ path: String) throws(PolicyRefusal) -> SubnetConfiguration {
        guard let node = point["subnet"] ?? point["configuration"] else {
            let resolution = try point["resolution"].map { node throws(PolicyRefusal) in
                try integer(node, "\(path).resolution", within: 1...FleetLimits.subnetValue)
            }
            return SubnetConfiguration(resolution: resolution ?? 0, depths: [], kernelSizes: [], expandRatios: [])
        }
        if point["subnet"] != nil, let second = point["configuration"] {
            throw refusal(second, "\(path).configuration", "give either subnet or configuration: they mean the same")
        }
        let field = point["subnet"] == nil ? "\(path).configuration" : "\(path).subnet"
        let fields = try mapping(
            node, field, required: ["resolution", "depths", "kernelSizes", "expandRatios"])
        let resolution = try integer(
            fields.value("resolution"), "\(field).resolution", within: 1...FleetLimits.subnetValue)
        if let node = point["resolution"] {
            let beside = try integer(node, "\(path).resolution", within: 1...FleetLimits.subnetValue)
            guard beside == resolution else {
                throw refusal(node, "\(path).resolution", "\(beside) contradicts that of the subnet, \(resolution)")
            }
        }
        return SubnetConfiguration(
            resolution: resolution,
            depths: try integers(fields.value("depths"), "\(field).depths"),
            kernelSizes: try integers(fields.value("kernelSizes"), "\(field).kernelSizes"),
            expandRatios: try integers(fields.value("expandRatios"), "\(field).expandRatios"))
    }

    private func integers(_ node: Node, _ field: String) throws(PolicyRefusal) -> [Int] {
        guard case .sequence(let items) = node, items.count <= FleetLimits.positionsPerSubnet else {
            throw refusal(node, field, "must be a list of at most \(FleetLimits.positionsPerSubnet) whole numbers")
        }
        var values: [Int] = []
        for (index, item) in items.enumerated() {
            values.append(try integer(item, "\(field)[\(index)]", within: 0...FleetLimits.subnetValue))
        }
        return values
    }

    private func interference(_ node: Node?, models: [String]) throws(PolicyRefusal) -> Interference {
        guard let node else { return Interference() }
        var factors: [String: [String: Double]] = [:]
        let rows = try mapping(node, "interference", required: [], optional: models)
        for model in models {
            guard let row = rows[model] else { continue }
            let columns = try mapping(row, "interference.\(model)", required: [], optional: models)
            for neighbour in models {
                guard let factor = columns[neighbour] else { continue }
                factors[model, default: [:]][neighbour] = try number(
                    factor, "interference.\(model).\(neighbour)", within: Interference.factorRange)
            }
        }
        return Interference(factors: factors)
    }
}
