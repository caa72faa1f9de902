import Foundation

/// Files that nobody but their owner may read.
public enum SecretFile {
    public static func check(_ path: String, isRequired: Bool = true) -> Finding {
        let name = URL(filePath: path).lastPathComponent
        guard let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int else {
            return isRequired
                ? Finding(name, .bad, "\(path) is missing") : Finding(name, .good, "not there yet: \(path)")
        }
        guard mode & 0o077 == 0 else { return Finding(name, .bad, "others can read it: chmod 600 \(path)") }
        return Finding(name, .good, "only its owner can read it")
    }
}
