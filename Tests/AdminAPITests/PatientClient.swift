import AdminAPI
import Foundation

extension AdminClient {
    /// Waits for answers as long as the whole suite may take: beside all other tests a server of the same process gets
    /// its turn late.
    static func patient(_ base: URL, _ token: String) -> AdminClient {
        AdminClient(base: base, token: token, timeout: 600)
    }
}
