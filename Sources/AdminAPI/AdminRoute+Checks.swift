import HTTPTypes
import Hummingbird

extension AdminRoute {
    /// Refuses what the table does not know, so that a slip of the pen in `dryRun` is told and not passed over.
    /// - Throws: `AdminFailure`.
    func check(_ request: Request) throws(AdminFailure) {
        var seen: Set<Substring> = []
        for (name, value) in request.uri.queryParameters where !(name.isEmpty && value.isEmpty) {
            guard parameters.contains(where: { $0.name == name }) else {
                let known = parameters.map(\.name).joined(separator: ", ")
                let rest = known.isEmpty ? "this path takes none" : "this path takes \(known)"
                throw AdminFailure(.invalid, "\(name.prefix(64)): is not a parameter here; \(rest)")
            }
            guard seen.insert(name).inserted else { throw AdminFailure(.invalid, "\(name): is given twice") }
        }
        let hasBody =
            request.headers[.transferEncoding] != nil || request.headers[.contentLength].map { $0 != "0" } ?? false
        if body == nil, hasBody { throw AdminFailure(.invalid, "this path takes no body") }
    }
}
