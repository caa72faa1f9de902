import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore
import HookSharing

/// Answers people's questions about gates that boards learn together.
struct HookSharingAdministration: HookAdministration {
    let actor: CoordinatorActor

    func hooks() async throws -> [HooksView] { await actor.sharing.views.map(Self.view) }

    private static func view(_ view: CoordinatorActor.SharingMachine.View) -> HooksView {
        HooksView(
            group: view.state.group, parameters: view.state.parameterCount, currentVersion: view.state.current,
            candidate: view.candidate,
            boards: Dictionary(uniqueKeysWithValues: view.members.map { ($0.key.rawValue, $0.value) }),
            waiting: view.waiting.map(\.rawValue),
            outliers: view.state.marks.map {
                .init(board: $0.board.rawValue, version: $0.mark.version, reason: $0.mark.reason)
            },
            versions: view.versions.map { version in
                let provenance = version.provenance
                return .init(
                    number: version.number, parent: version.parent,
                    isTakenBack: !view.lineage.contains(version.number), atMilliseconds: provenance.atMilliseconds,
                    samples: provenance.samples, boards: provenance.shares,
                    validators: provenance.validators.map(\.rawValue), lossChange: provenance.change,
                    gates: provenance.gates)
            }, awaited: view.awaited, withstands: view.withstands,
            trial: view.state.trial)
    }

    func rollBack(_ request: HooksRollback, by actor: String) async throws -> HooksView {
        let known = await self.actor.sharing.views.map(\.state.group)
        guard let group = known.first(where: { $0.description == request.name }) else {
            throw AdminFailure(.notFound, "no boards learn together as \(request.name.prefix(200))")
        }
        let dryRun = request.dryRun ?? false
        do {
            let found = try await self.actor.rollBack(group, to: request.version, dryRun: dryRun, by: actor)
            guard var view = found.map(Self.view) else {
                throw AdminFailure(.notFound, "no boards learn together as \(request.name.prefix(200))")
            }
            if dryRun { view.dryRun = true }
            return view
        } catch let refusal as CoordinatorActor.SharingMachine.RollbackRefusal {
            throw AdminFailure(.invalid, refusal.description)
        } catch let failure as FleetStoreFailure { throw AdminFailure(.unavailable, failure.description) }
    }
}
