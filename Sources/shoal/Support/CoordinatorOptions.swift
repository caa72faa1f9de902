import AdminAPI
import ArgumentParser
import Foundation

/// Where the coordinator is.
struct CoordinatorOptions: ParsableArguments {
    @Option(help: "State folder of the coordinator, or its admin.json; SHOAL_STATE without it.")
    var state: String?

    /// As given, or by the environment.
    var path: String? {
        state ?? ProcessInfo.processInfo.environment["SHOAL_STATE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    var client: AdminClient {
        get throws {
            guard let path else {
                throw Refusal("say where the coordinator's state folder is: --state or SHOAL_STATE", .usage)
            }
            let file = path.hasSuffix(".json") ? path : path + "/admin.json"
            let access = try AdminAccess.load(from: file)
            guard let url = URL(string: access.url), url.scheme != nil else {
                throw Refusal("\(file): the coordinator has not finished starting", .unavailable)
            }
            return AdminClient(base: url, token: access.token)
        }
    }
}
