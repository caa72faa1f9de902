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

    @Test(
        arguments: [
            (
                ["cpu family\t: 25\n", "model\t\t: 17\n", "model name\t: AMD  EPYC\n", "stepping\t: 1\n"],
                "AMD EPYC 25 17 1"
            ),
            (["CPU implementer\t: 0x41\n", "CPU part\t: 0xd0b\n", "Features\t: fp\n"], "0x41 0xd0b"),
            (["hart\t: 0\n"], "unknown"), ([], "unknown"),
        ] as [([String], String)])
    func processorsOfOneNameAreToldApart(lines: [String], name: String) {
        #expect(KernelChoicesFile.processorName(describedBy: lines) == name)
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
