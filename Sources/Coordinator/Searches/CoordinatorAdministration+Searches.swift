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
        var job: SearchJob
        do { job = try SearchFile.parse(request.text, file: request.file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        // What would fail for certain is refused now, while the person looks.
        do {
            let boards = await self.actor.states.map(\.board)
            let (quarantined, asked) = (await self.actor.quarantined, job)
            job = try await LentLatencyTable.scaled(job) { [desk] supernet, subnets in
                await desk.transfer(
                    ofClass: asked.boardClass, supernet: supernet, predicting: subnets, boards, without: quarantined)
            }
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
        return try await changed { [job] in try await desk.submit(job, text: request.text, by: actor) }
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
}
