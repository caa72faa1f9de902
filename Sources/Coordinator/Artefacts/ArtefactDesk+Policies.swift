import ArtefactFiles
import Artefacts
import CoordinatorCore
import FleetModel
import Logging

/// Policies as artefacts: what is applied is signed and brought to the boards whose models it names, so that they can
/// plan by it while they are without a coordinator.
extension ArtefactDesk {
    /// Before what the disk did not take is tried again.
    private static let pause: Duration = .seconds(10)

    /// Makes these what boards hold of policies; it changes nothing where they do.
    func publish(_ sets: PolicySets) async {
        guard published != sets, publishesNotBefore <= .now else { return }
        do {
            let changed = try library.publish(
                .policy, try publications(of: sets), atMilliseconds: CoordinatorActor.wallClock())
            published = sets
            await self.changed()
            for signed in changed {
                await record(.artefactChanged, nil, "\(signed.manifest.id) version \(signed.manifest.version) signed")
            }
        } catch {
            publishesNotBefore = .now + Self.pause
            logger.error("policies not signed", metadata: ["error": "\(error)"])
        }
    }

    /// Of each model that a policy names, or did when boards were told last: then there are none.
    private func publications(of sets: PolicySets) throws -> [ModelName: Publication] {
        let held = library.artefacts.keys.filter { $0.kind == .policy }.map(\.name)
        return try Dictionary(
            uniqueKeysWithValues: sets.models.union(held).map { model in
                let content = { try PolicyContent(sets.policies(naming: model, of: $0)).bytes() }
                let everywhere = try content(sets.everywhere)
                let trials = try sets.trials.map { Publication.Trial(try content($0.policies), boards: $0.boards) }
                return (model, Publication(everywhere: everywhere, trials: trials.filter { $0.content != everywhere }))
            })
    }
}
