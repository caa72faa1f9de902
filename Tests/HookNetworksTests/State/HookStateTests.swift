import Engine
import MapPruning
import Foundation
import GateCalibration
import Packages
import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct HookStateTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-hooks-\(UUID())").path()
    private var path: String { folder + "/h" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    @Test(arguments: TrainingAlgorithm.allCases)
    func isReadAsItWasWritten(algorithm: TrainingAlgorithm) throws {
        var state = try HookSamples.state(seed: 1, algorithm: algorithm)
        let subnet = SubnetConfiguration(resolution: 20, depths: [2], kernelSizes: [3], expandRatios: [4])
        state.smaller = [HookState.Network(weightsSHA256: "ab", subnet: subnet)]
        (state.subnet, state.statisticsFile) = (subnet, "s.json")
        state.hooks[0].overheadMicroseconds = 2.5
        state.hooks[0].isFixed = true
        state.inputs = try GateInputs("memory,sensors:2,latency")
        try state.write(to: path)
        let reading = try HookState.read(from: path)
        #expect(reading.damage == nil)
        let hook = try #require(reading.state.hooks.first)
        #expect(reading.state.kinds == state.kinds && reading.state.statistics == state.statistics)
        #expect(reading.state.smaller == state.smaller && reading.state.subnet == subnet)
        #expect(reading.state.inputs == state.inputs && hook.isFixed)
        #expect(reading.state.statisticsFile == "s.json" && hook.overheadMicroseconds == 2.5)
        #expect(hook.point == state.hooks[0].point && hook.samples == state.hooks[0].samples)
        #expect(hook.head == state.hooks[0].head && hook.substitute == state.hooks[0].substitute)
        #expect(hook.gate?.validation == state.hooks[0].gate?.validation)
        // Weights are kept as 32-bit floats: written again they are the same.
        try reading.state.write(to: path)
        #expect(try HookState.read(from: path).state == reading.state)
        let features = [0.5, -1, 2]
        let (before, after) = (state.hooks[0].gate?.predictedDamage(features), hook.gate?.predictedDamage(features))
        #expect(abs((before ?? 0) - (after ?? 1)) < 1e-5)
    }

    @Test func cutOrChangedAtAnyByteTheOneBeforeIsUsed() throws {
        let (old, new) = (try HookSamples.state(seed: 1), try HookSamples.state(seed: 2))
        try old.write(to: path)
        let first = try HookState.read(from: path).state
        try new.write(to: path)
        let whole = try Data(contentsOf: URL(filePath: path))
        for count in 0..<whole.count {
            try whole.prefix(count).write(to: URL(filePath: path))
            let reading = try HookState.read(from: path)
            #expect(reading.damage != nil && reading.state == first, "cut to \(count) of \(whole.count) bytes")
        }
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 0x10
            try changed.write(to: URL(filePath: path))
            let reading = try HookState.read(from: path)
            #expect(reading.state == first && reading.damage != nil, "byte \(index) of \(whole.count) changed")
        }
    }

    @Test func aDamagedFileIsNeverKeptAsTheOneBefore() throws {
        let state = try HookSamples.state(seed: 1)
        try state.write(to: path)
        try state.write(to: path)
        try Data("torn".utf8).write(to: URL(filePath: path))
        try HookSamples.state(seed: 2).write(to: path)
        let previous = try HookState.read(from: HookState.previousPath(of: path))
        #expect(previous.damage == nil && previous.state.hooks[0].point == state.hooks[0].point)
    }

    @Test func newerFormatsAreRefused() throws {
        var package = try HookSamples.state(seed: 1).package()
        let text = String(decoding: package.manifest, as: UTF8.self)
        package.manifest = Array(text.replacing("\"formatVersion\":5", with: "\"formatVersion\":9").utf8)
        #expect(throws: HookRefusal("has format version 9, newer than 5, the newest that is read")) {
            try HookState(package)
        }
    }

    /// Files of the version before, which masked one part at a place and kept its reader as a substitute, are read.
    @Test func theFormatBeforeIsRead() throws {
        let newest = try HookSamples.state(seed: 1)
        var package = try newest.package()
        let masks = #""masks":[{"mask":{"blocks":[true,false],"strips":[true]},"part":1}]"#
        let text = String(decoding: package.manifest, as: UTF8.self)
            .replacing("\"formatVersion\":5", with: "\"formatVersion\":3")
            .replacing("\"expectedDamage\":0.25,", with: "")
            .replacing(masks, with: #""mask":{"blocks":[true,false],"strips":[true]}"#)
        #expect(!text.contains("masks") && !text.contains("expectedDamage") && text.contains("mask"))
        package.manifest = Array(text.utf8)
        for name in ["0.reader0", "0.reader0.bias"] { package.tensors[name] = nil }
        let hook = try HookState(package).hooks[0]
        #expect(hook.point == newest.hooks[0].point && hook.head == newest.hooks[0].head)
        #expect(hook.masks.map(\.mask) == newest.hooks[0].masks.map(\.mask) && hook.expectedDamage == nil)
        #expect(hook.masks[0].reader == newest.hooks[0].substitute && hook.substitute == nil)
    }

    /// Version 2 knew no masks, inputs or fixed places.
    @Test func theFormatBeforeThatIsRead() throws {
        let newest = try HookSamples.state(seed: 1)
        var package = try newest.package()
        let text = String(decoding: package.manifest, as: UTF8.self)
            .replacing("\"formatVersion\":5", with: "\"formatVersion\":2")
            .replacing("\"expectedDamage\":0.25,", with: "")
            .replacing(#""masks":[{"mask":{"blocks":[true,false],"strips":[true]},"part":1}],"#, with: "")
        #expect(!text.contains("mask") && !text.contains("inputs\":{\"kinds") && !text.contains("isFixed"))
        package.manifest = Array(text.utf8)
        let state = try HookState(package)
        #expect(state.hooks[0].point == newest.hooks[0].point && state.hooks[0].masks.isEmpty)
        #expect(state.hooks[0].substitute == newest.hooks[0].substitute && state.hooks[0].head == newest.hooks[0].head)
        #expect(state.inputs == .none && !state.hooks[0].isFixed)
    }

    @Test func aMaskThatLeavesNothingIsRefused() throws {
        var package = try HookSamples.state(seed: 1).package()
        let text = String(decoding: package.manifest, as: UTF8.self)
        package.manifest = Array(text.replacing("[true,false]", with: "[false,false]").utf8)
        #expect(throws: HookRefusal("the mask of hook 0 leaves nothing to compute")) { try HookState(package) }
    }

    /// Files of the first version, which named at most one smaller network, are read.
    @Test func theFirstFormatIsRead() throws {
        var package = try HookSamples.state(seed: 1).package()
        let text = String(decoding: package.manifest, as: UTF8.self)
            .replacing("\"formatVersion\":5", with: "\"formatVersion\":1")
            .replacing("\"smaller\":[]", with: "\"smallPackage\":\"s.shoal\",\"smallWeightsSHA256\":\"cd\"")
        #expect(text.contains("smallPackage") && !text.contains("\"smaller\""))
        package.manifest = Array(text.utf8)
        let state = try HookState(package)
        #expect(state.smaller == [HookState.Network(weightsSHA256: "cd", package: "s.shoal")])
        #expect(state.hooks[0].gate?.validation == (try HookSamples.state(seed: 1)).hooks[0].gate?.validation)
        // Version 2 knew no precisions.
        package.manifest = Array(
            String(decoding: try HookSamples.state(seed: 1).package().manifest, as: UTF8.self)
                .replacing("\"formatVersion\":5", with: "\"formatVersion\":2").utf8)
        #expect(try HookState(package).precision == nil)
    }

    private static func measured() -> HookState.Calibration {
        var curve = DamageCurve()
        for (rung, budget) in DamageCurve.rungs.enumerated() {
            for image in 0..<60 { curve.add(budget * Double(image % 3) / 2, at: rung) }
        }
        return HookState.Calibration(kinds: [.skip, .exit], curve: curve)
    }

    @Test func whatGatesDoTogetherIsKept() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var state = try HookSamples.state(seed: 1)
        state.graphSHA256 = "cd"
        state.smaller = [.init(weightsSHA256: "ef", package: "s", graphSHA256: "01")]
        var faded = Self.measured()
        faded.curve.fade(to: 50)
        state.calibrations = [Self.measured(), HookState.Calibration(kinds: [.skip], curve: faded.curve)]
        try state.write(to: path)
        let read = try HookState.read(from: path).state
        #expect(read.calibrations == state.calibrations && read.graphSHA256 == "cd" && read.smaller == state.smaller)
        #expect(!read.budgetMap.isIdentity && read.budgetMap == state.budgetMap)

        var package = try state.package()
        let text = String(decoding: package.manifest, as: UTF8.self)
        package.manifest = Array(text.replacing("\"images\":60", with: "\"images\":-60").utf8)
        #expect(throws: HookRefusal("what its gates damage together does not fit together")) {
            try HookState(package)
        }
    }

    /// Version 4 knew neither what gates do together nor the graph: budgets are held as they are asked for, and any
    /// graph of the weights will do.
    @Test func ofTheFormatBeforeNothingIsHeld() throws {
        var package = try HookSamples.state(seed: 1).package()
        let text = String(decoding: package.manifest, as: UTF8.self)
        package.manifest = Array(text.replacing("\"formatVersion\":5", with: "\"formatVersion\":4").utf8)
        #expect(!text.contains("calibrations") && !text.contains("graphSHA256"))
        let state = try HookState(package)
        #expect(state.budgetMap.isIdentity && state.budgetMap.held(0.01) == 0.01)
        #expect(state.stranger(weightsSHA256: "ab", graphSHA256: "any") == nil)
        #expect(state.stranger(weightsSHA256: "xy", graphSHA256: nil) == "other weights")
    }

    @Test func networksAreToldApartByWeightsAndGraph() throws {
        var state = try HookSamples.state(seed: 1)
        state.graphSHA256 = "cd"
        #expect(state.stranger(weightsSHA256: "ab", graphSHA256: "cd") == nil)
        #expect(state.stranger(weightsSHA256: "ab", graphSHA256: "ce") == "another graph, with the same weights,")
        #expect(state.stranger(weightsSHA256: "ac", graphSHA256: "cd") == "other weights")
        #expect(state.stranger(weightsSHA256: "ab", graphSHA256: nil) == nil, "a subnet has none")
    }

    @Test func gatesThatDoNotFitTogetherAreRefused() throws {
        var package = try HookSamples.state(seed: 1).package()
        package.tensors["0.parameters"] = Tensor(shape: [1], values: [0])
        #expect(throws: HookRefusal("the gate of hook 0 does not fit together")) { try HookState(package) }
    }
}
