import Foundation

/// Files that the tests read, and files that they make for a moment.
enum Fixture {
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func path(_ name: String) -> String {
        (Bundle.module.resourceURL ?? repository).appending(path: "Fixtures/\(name)").path()
    }

    static func example(_ name: String) -> String {
        repository.appending(path: "Examples/fashion-supernet/\(name)").path()
    }

    static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    static func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID().uuidString).bin")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path())
    }
}
