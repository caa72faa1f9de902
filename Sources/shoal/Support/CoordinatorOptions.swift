import AdminAPI
import ArgumentParser
import Foundation

/// Where the coordinator is.
struct CoordinatorOptions: ParsableArguments {
    @Option(help: "State folder of the coordinator, its admin.json or a file of shoal token; SHOAL_STATE without it.")
    var state: String?

    /// As given, or by the environment.
    var path: String? {
        state ?? ProcessInfo.processInfo.environment["SHOAL_STATE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Address and token.
    var access: AdminAccess {
        get throws {
            guard let path else {
                throw Refusal("say where the coordinator's state folder is: --state or SHOAL_STATE", .usage)
            }
            return try AdminAccess.load(from: path.hasSuffix(".json") ? path : path + "/admin.json")
        }
    }

    var client: AdminClient {
        get throws {
            let access = try access
            guard let url = URL(string: access.url), url.scheme != nil else {
                throw Refusal("\(path ?? ""): the coordinator has not finished starting", .unavailable)
            }
            return AdminClient(base: url, token: access.token)
        }
    }
}
