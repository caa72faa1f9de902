import HTTPTypes
public import Hummingbird
import NIOCore

/// The web page: three files without a build step, which read the fleet from the paths under `v1`.
///
/// The files themselves hold nothing secret and need no token; all they show comes by requests that carry one. The
/// content security policy lets nothing in from elsewhere and no script or style but these files.
public enum Dashboard {
    static let securityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    private struct File: Sendable {
        var path: String
        var type: String
        var bytes: [UInt8]
    }

    private static let files = [
        File(path: "", type: "text/html; charset=utf-8", bytes: PackageResources.index_html),
        File(path: "app.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.app_js),
        File(path: "style.css", type: "text/css; charset=utf-8", bytes: PackageResources.style_css),
    ]

    /// Adds the page at `/`.
    public static func add(to router: Router<some RequestContext>) {
        for file in files {
            let buffer = ByteBuffer(bytes: file.bytes)
            router.get(RouterPath(file.path)) { _, _ in
                Response(status: .ok, headers: headers(file.type), body: .init(byteBuffer: buffer))
            }
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
