import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore
import LatencyPrediction
import SearchInputs
import SearchSpace

extension CoordinatorAdministration {
    /// From what boards measured of their operating points before they said hello, and of other subnets on request
    /// with the engine that they run now; nothing of boards that are quarantined from learning.
    func predictors() async throws -> [LatencyPredictorView] {
        var groups: [String: LatencyPredictorSources] = [:]
        var supernets: [String: ClassMeasurements.Key] = [:]
        let measurements = Dictionary(grouping: try await stored { try await store.measurements() }, by: \.board)
        let (states, quarantined) = (await actor.states, await actor.quarantined)
        for state in states where !quarantined.contains(state.board.id) {
            for model in state.board.models where !model.points.isEmpty {
                let measured = (measurements[state.board.id] ?? []).filter {
                    $0.supernetSHA256 == model.supernetSHA256 && $0.engineVersion == state.board.engineVersion
                        && $0.boardClass == state.board.boardClass
                }
                let name = "\(state.board.boardClass)/\(model.name)"
                supernets[name] = model.supernetSHA256.map {
                    .init(
                        boardClass: state.board.boardClass, supernetSHA256: $0,
                        engineVersion: state.board.engineVersion)
                }
                groups[
                    name, default: LatencyPredictorSources(boardClass: state.board.boardClass, model: model.name)
                ].add(state.board, model, measured)
            }
        }
        let searches = await desk.records
        let transfers = await desk.transfers(of: states.map(\.board), without: quarantined)
        return groups.sorted { $0.key < $1.key }.map { name, sources in
            var view = sources.view(named: name, searches: searches)
            view.transfer = transfers.first { $0.key == supernets[name] }.map(LatencyTransferView.init)
            return view
        }
    }
}

extension LatencyTransferView {
    init(_ transfer: ClassTransfer) {
        let (told, seen) = (
            transfer.checks.map(\.expected.milliseconds), transfer.checks.map(\.milliseconds)
        )
        self.init(
            isUsed: transfer.refusal == nil && transfer.measured >= ClassTransfer.Settings().first,
            measured: transfer.measured, wanted: transfer.wanted,
            sources: transfer.sources.map { source in
                Source(
                    boardClass: source.key.boardClass, engineVersion: source.key.engineVersion,
                    boards: source.boards.map(\.rawValue), weight: source.weight, shared: source.shared,
                    measurements: source.measurements, spread: source.spread)
            }, relativeMargin: transfer.relativeMargin, statedCoverage: ClassTransfer.statedCoverage,
            checked: transfer.checked, within: transfer.within, coverage: transfer.coverage,
            spearman: RankStatistics.spearman(told, seen),
            medianRelativeError: RankStatistics.median(zip(told, seen).map { abs($0 - $1) / $1 }),
            refusal: transfer.refusal,
            checks: transfer.checks.map { check in
                .init(
                    board: check.boards.map(\.rawValue).joined(separator: ", "), subnet: "\(check.subnet)",
                    measuredMilliseconds: check.milliseconds, predictedMilliseconds: check.expected.milliseconds,
                    isWithinMargin: check.isWithin)
            })
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
                guard let basis = cost(point), basis >= 0, basis.isFinite else { return nil }
                // Of subnets that were asked for to compare classes FLOPs are not known.
                guard basis > 0 else { continue }
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
