import Engine
import Foundation
import Packages
import Testing

@testable import HookNetworks

@Suite struct PrecisionStateTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-bits-\(UUID())").path()
    private var path: String { folder + "/h" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func state() throws -> HookState {
        let samples = try PrecisionSamples(seed: 3)
        var state = HookState(kinds: [.bits], weightsSHA256: "ab", hooks: samples.hooks)
        state.precision = samples.state
        return state
    }

    @Test func isReadAsItWasWritten() throws {
        let state = try state()
        try state.write(to: path)
        #expect(try HookState.read(from: path).state == state)
        #expect(state.precision?.gains.isEmpty == false)
    }

    /// Not a byte of the file can be lost or changed unnoticed; every 7th is tried.
    @Test func cutOrChangedAnywhereTheOneBeforeIsUsed() throws {
        var first = try state()
        first.precision?.border = 3
        try first.write(to: path)
        try state().write(to: path)
        let whole = try Data(contentsOf: URL(filePath: path))
        for index in stride(from: 0, to: whole.count, by: 7) {
            var changed = whole
            changed[index] ^= 0x04
            for data in [changed, whole.prefix(index)] {
                try data.write(to: URL(filePath: path))
                let reading = try HookState.read(from: path)
                #expect(reading.damage != nil && reading.state.precision?.border == 3, "byte \(index)")
            }
        }
    }

    @Test(
        arguments: [
            ("precision.means.0", nil), ("precision.means.1", .nan), ("precision.gains.0", 0),
            ("precision.gains.0", -1), ("precision.gains.0", nil),
        ] as [(String, Float?)])
    func numbersThatCannotBeAreRefused(tensor: String, value: Float?) throws {
        var package = try state().package()
        let count = try #require(package.tensors[tensor]).values.count
        package.tensors[tensor] = value.map {
            Tensor(shape: [count], values: [Float](repeating: $0, count: count))
        }
        #expect(throws: HookRefusal.self) { try HookState(package) }
    }

    @Test(arguments: [("scale", "0"), ("scale", "-1"), ("zeroPoint", "256"), ("zeroPoint", "-1")])
    func rangesThatCannotBeAreRefused(key: String, value: String) throws {
        var package = try state().package()
        let manifest = String(decoding: package.manifest, as: UTF8.self)
        let pattern = try Regex("\"\(key)\":[0-9.e-]+")
        let changed = manifest.replacing(pattern, with: "\"\(key)\":\(value)", maxReplacements: 1)
        try #require(changed != manifest)
        package.manifest = Array(changed.utf8)
        #expect(throws: HookRefusal.self) { try HookState(package) }
    }
}
