import Hummingbird

extension AdminServer {
    ///     GET  /v1/searches /v1/predictors
    ///     POST /v1/searches                                            DELETE /v1/searches/NAME
    static func addSearches(to group: RouterGroup<BasicRequestContext>, of fleet: any SearchAdministration) {
        group.get("searches") { _, _ in Answer(try await fleet.searches()) }
        group.get("predictors") { _, _ in Answer(try await fleet.predictors()) }
        group.post("searches") { request, context in
            Answer(try await fleet.submit(try await request.body(as: ApplyRequest.self, context)))
        }
        group.delete("searches/:name") { _, context in
            Answer(try await fleet.cancel(search: try context.parameters.require("name")))
        }
    }
}
