@testable import Engine
import Foundation
import Testing

@Suite struct KernelChoicesFileTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("choices-\(UUID())/a").path
    private let target = TuningTarget(processor: "Some CPU @ 3 GHz", instructionSet: .portable)

    private var file: KernelChoicesFile { KernelChoicesFile(folder: folder, target: target) }

    @Test func noFileMeansNoChoices() {
        #expect(file.load() == KernelChoices())
    }

    @Test func writtenChoicesAreLoaded() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }

        try file.write(KernelChoicesCodingTests.choices)

        #expect(file.path == folder + "/kernels-some-cpu---3-ghz-portable.txt")
        #expect(file.load() == KernelChoicesCodingTests.choices)
    }

    @Test func aTornFileCountsAsNoneAndIsReplaced() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try file.write(KernelChoicesCodingTests.choices)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
        try bytes.dropLast(5).write(to: URL(fileURLWithPath: file.path))

        #expect(file.load() == KernelChoices())

        try file.write(KernelChoicesCodingTests.choices)
        #expect(file.load() == KernelChoicesCodingTests.choices)
    }

    @Test func aFileOfOtherKernelsCountsAsNone() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let stale = TuningTarget(
            processor: target.processor, instructionSet: .portable, kernels: TuningTarget.currentKernels &+ 1)
        try KernelChoicesFile(folder: folder, target: stale).write(KernelChoicesCodingTests.choices)

        #expect(file.load() == KernelChoices())
    }

    @Test(
        arguments: [
            (["XDG_CACHE_HOME": "/cache", "HOME": "/users/a"], "/cache/shoal"),
            (["XDG_CACHE_HOME": "cache", "HOME": "/users/a"], "/users/a/.cache/shoal"),
            (["HOME": "/users/a"], "/users/a/.cache/shoal"),
            (["HOME": ""], nil),
        ] as [([String: String], String?)])
    func theFolderFollowsTheEnvironment(environment: [String: String], folder: String?) {
        #expect(KernelChoicesFile.cacheFolder { environment[$0] } == folder)
    }
}
