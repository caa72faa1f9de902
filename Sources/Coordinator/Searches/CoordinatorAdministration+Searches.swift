import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore
import LatencyPrediction
import SearchInputs
import SearchSpace

extension CoordinatorAdministration {
    func searches() async throws -> [SearchView] {
        var views: [SearchView] = []
        for record in await desk.records { views.append(await view(record)) }
        return views
    }

    private func view(_ record: SearchRecord) async -> SearchView {
        SearchView(search: record, generation: await desk.progress(of: record)?.generation)
    }

    func submit(_ request: ApplyRequest, by actor: String) async throws -> SearchView {
        let job: SearchJob
        do { job = try SearchFile.parse(request.text, file: request.file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        // What would fail for certain is refused now, while the person looks.
        do {
            _ = try SearchInputFiles.table(of: job)
            _ = try SearchInputFiles.heldTable(of: job)
            _ = try InputDigest.sha256(of: job.accuracyPredictor)
            if job.space.hasPrefix("/") { _ = try InputDigest.sha256(of: job.space) }
        } catch let refusal as SearchInputRefusal {
            throw AdminFailure(refusal.isMissing ? .notFound : .invalid, "\(refusal)")
        } catch { throw AdminFailure(.invalid, "\(error)") }
        if request.dryRun {
            return SearchView(
                search: SearchRecord(job: job, text: request.text, number: 0, submittedAtMilliseconds: 0),
                generation: nil)
        }
        return try await changed { try await desk.submit(job, text: request.text, by: actor) }
    }

    func cancel(search name: String, by actor: String) async throws -> SearchView {
        try await changed { try await desk.cancel(name, by: actor) }
    }

    private func changed(_ change: () async throws -> SearchRecord?) async throws -> SearchView {
        do {
            guard let record = try await stored(change) else {
                throw AdminFailure(.unavailable, "the search was replaced meanwhile")
            }
            return await view(record)
        } catch let refusal as SearchQueue.Refusal {
            throw AdminFailure(refusal.isUnknown ? .notFound : .invalid, refusal.description)
        }
    }

    // MARK: Predictors

    /// From what boards measured of their operating points before they said hello, and of other subnets on request
    /// with the engine that they run now.
    func predictors() async throws -> [LatencyPredictorView] {
        var groups: [String: LatencyPredictorSources] = [:]
        let measurements = Dictionary(grouping: try await stored { try await store.measurements() }, by: \.board)
        for state in await actor.states {
            for model in state.board.models where !model.points.isEmpty {
                let measured = (measurements[state.board.id] ?? []).filter {
                    $0.supernetSHA256 == model.supernetSHA256 && $0.engineVersion == state.board.engineVersion
                        && $0.boardClass == state.board.boardClass
                }
                let name = "\(state.board.boardClass)/\(model.name)"
                groups[
                    name, default: LatencyPredictorSources(boardClass: state.board.boardClass, model: model.name)
                ].add(state.board, model, measured)
            }
        }
        let searches = await desk.records
        return groups.sorted { $0.key < $1.key }.map { name, sources in
            sources.view(named: name, searches: searches)
        }
    }
}

/// Measured operating points of one model on one class of boards.
struct LatencyPredictorSources {
    let boardClass: String
    let model: ModelName
    private var boards: [(description: BoardDescription, points: [OperatingPoint])] = []

    init(boardClass: String, model: ModelName) {
        self.boardClass = boardClass
        self.model = model
    }

    /// - Parameter measured: other subnets of the model's supernet that the board measured.
    mutating func add(_ board: BoardDescription, _ model: DeployedModel, _ measured: [MeasuredSubnet] = []) {
        let known = Set(model.points.map { "\($0.configuration)" })
        let others = measured.filter { !known.contains("\($0.configuration)") }.map {
            OperatingPoint(
                configuration: $0.configuration, accuracy: 0, latencyMilliseconds: $0.medianMilliseconds,
                flops: Int($0.flops))
        }
        boards.append((board, model.points + others))
    }

    /// - Parameter searches: the newest one for this class and model lends its latency table.
    func view(named name: String, searches: [SearchRecord]) -> LatencyPredictorView {
        let table = searches.reversed().lazy.filter {
            $0.job.boardClass == boardClass && $0.job.model == model.rawValue
        }
        .compactMap { try? Self.latency(of: $0.job) }.first
        let costs = table.flatMap { table in measurements { try? table.cost.cost(of: $0.configuration) } }
        let measured = costs ?? measurements { Double($0.flops) } ?? []
        var view = LatencyPredictorView(
            name: name, boardClass: boardClass, model: model.rawValue,
            boards: boards.map(\.description.id.rawValue).sorted(),
            engineVersions: Set(boards.map(\.description.engineVersion)).sorted(),
            basis: costs == nil ? "FLOPs" : "latency table \(table?.path ?? "")")
        do {
            let prediction = try BoardClassPrediction(measured)
            (view.intercept, view.slope) = (prediction.calibration.intercept, prediction.calibration.slope)
            view.relativeMargin = prediction.calibration.relativeMargin
            view.statedCoverage = prediction.calibration.coverage
            view.coverage = prediction.coverage
            view.spearman = prediction.spearman
            view.medianRelativeError = prediction.medianRelativeError
            view.samples = prediction.heldOut.map {
                .init(
                    board: $0.measurement.board, subnet: $0.measurement.architecture,
                    measuredMilliseconds: $0.measurement.milliseconds, predictedMilliseconds: $0.milliseconds,
                    isWithinMargin: $0.isWithinMargin)
            }
        } catch { view.refusal = error.description }
        return view
    }

    /// `nil` where any point has no cost.
    private func measurements(
        _ cost: (OperatingPoint) -> Double?
    ) -> [BoardClassPrediction.Measurement]? {
        var measured: [BoardClassPrediction.Measurement] = []
        for board in boards {
            for point in board.points {
                guard let basis = cost(point), basis > 0, basis.isFinite else { return nil }
                measured.append(
                    .init(
                        board: board.description.id.rawValue, architecture: "\(point.configuration)", basis: basis,
                        milliseconds: point.latencyMilliseconds))
            }
        }
        return measured
    }

    private static func latency(of job: SearchJob) throws -> (cost: AdditiveCost, path: String) {
        let space = try NamedSpace(job.space)
        let operators = try SupernetOperators(space.architecture)
        return (try SearchInputFiles.table(of: job).prepare(for: space.space, of: operators), job.latencyTable)
    }
}
