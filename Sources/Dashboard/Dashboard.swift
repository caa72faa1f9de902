import HTTPTypes
public import Hummingbird
import NIOCore

/// The web page: a handful of files without a build step, which read the fleet from the paths under `v1`.
///
/// The files themselves hold nothing secret and need no token; all they show comes by requests that carry one. The
/// content security policy lets nothing in from elsewhere and no script or style but these files.
public enum Dashboard {
    static let securityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    struct File: Sendable {
        var path: String
        var bytes: [UInt8]

        var type: String {
            switch path.split(separator: ".").last {
            case "js": "text/javascript; charset=utf-8"
            case "css": "text/css; charset=utf-8"
            case "svg": "image/svg+xml"
            default: "text/html; charset=utf-8"
            }
        }
    }

    /// The page itself has the empty path; scripts are modules that name each other by file.
    static let files = [
        File(path: "", bytes: PackageResources.index_html),
        File(path: "style.css", bytes: PackageResources.style_css),
        File(path: "icon.svg", bytes: PackageResources.icon_svg),
        File(path: "app.js", bytes: PackageResources.app_js),
        File(path: "audit.js", bytes: PackageResources.audit_js),
        File(path: "board.js", bytes: PackageResources.board_js),
        File(path: "coordinator.js", bytes: PackageResources.coordinator_js),
        File(path: "dialog.js", bytes: PackageResources.dialog_js),
        File(path: "elements.js", bytes: PackageResources.elements_js),
        File(path: "events.js", bytes: PackageResources.events_js),
        File(path: "fleet.js", bytes: PackageResources.fleet_js),
        File(path: "hooks.js", bytes: PackageResources.hooks_js),
        File(path: "models.js", bytes: PackageResources.models_js),
        File(path: "plots.js", bytes: PackageResources.plots_js),
        File(path: "policies.js", bytes: PackageResources.policies_js),
        File(path: "predictors.js", bytes: PackageResources.predictors_js),
        File(path: "rollouts.js", bytes: PackageResources.rollouts_js),
    ]

    /// Adds the page at `/`.
    public static func add(to router: Router<some RequestContext>) {
        for file in files { add(file, at: file.path, to: router) }
        // Where browsers look that have not read the page.
        if let icon = files.first(where: { $0.path == "icon.svg" }) { add(icon, at: "favicon.ico", to: router) }
    }

    private static func add(_ file: File, at path: String, to router: Router<some RequestContext>) {
        let buffer = ByteBuffer(bytes: file.bytes)
        router.get(RouterPath(path)) { _, _ in
            Response(status: .ok, headers: headers(file.type), body: .init(byteBuffer: buffer))
        }
    }

    private static func headers(_ type: String) -> HTTPFields {
        var fields: HTTPFields = [.contentType: type, .cacheControl: "no-cache"]
        fields[.contentSecurityPolicy] = securityPolicy
        fields[.xContentTypeOptions] = "nosniff"
        if let name = HTTPField.Name("Referrer-Policy") { fields[name] = "no-referrer" }
        return fields
    }
}
