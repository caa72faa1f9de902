import CAllocations
import CShoal
import Engine
import Foundation
import ModelImport
import Packages
import Testing

import ShoalC

/// shoal.h as a program in C uses it.
@Suite struct CInterfaceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    private static let package: Result<String, any Error> = Result {
        let example = root + "/Examples/fashion-supernet"
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-c-\(UUID()).shoal").path()
        try SupernetImporter.importCheckpoint(
            path: example + "/fashion_supernet.pth", configPath: example + "/fashion_supernet.json"
        ).write(to: path)
        return path
    }

    private var lastError: String { String(cString: shoal_last_error()) }

    private func opened() throws -> OpaquePointer {
        var model: OpaquePointer?
        #expect(shoal_model_open(try Self.package.get(), nil, nil, &model) == SHOAL_OK, "\(lastError)")
        return try #require(model)
    }

    @Test func aModelIsDescribedAndRun() throws {
        let model = try opened()
        defer { shoal_model_close(model) }
        #expect(shoal_model_point_count(model) == 1 && shoal_model_label_count(model) == 10)
        var text = [CChar](repeating: 1, count: 32)
        #expect(shoal_model_label(model, 9, &text, text.count) == SHOAL_OK)
        #expect(text.prefix(11) == Array("ankle boot".utf8CString)[...])
        #expect(shoal_model_label(model, 9, &text, 10) == SHOAL_ARGUMENT)
        #expect(lastError == "label 9 takes 11 bytes, there is room for 10")

        var added = 0
        let json =
            #"{"resolution":20,"depths":[2,2,2,2,2],"kernelSizes":\#([Int](repeating: 3, count: 20)),"#
            + #""expandRatios":\#([Int](repeating: 3, count: 20))}"#
        #expect(shoal_model_add_point(model, json, &added) == SHOAL_OK, "\(lastError)")
        var points = [shoal_point(), shoal_point()]
        #expect(added == 1 && shoal_model_point_count(model) == 2)
        for place in 0..<2 { #expect(shoal_model_describe(model, place, &points[place]) == SHOAL_OK) }
        #expect(points.map(\.resolution) == [28, 20] && points.map(\.output_count) == [10, 10])
        #expect(points[1].flops < points[0].flops && points[0].calibrated == 0 && points[0].slow == 0)

        var session: OpaquePointer?
        #expect(shoal_session_open(model, [1, 0], 2, 1, &session) == SHOAL_OK, "\(lastError)")
        defer { shoal_session_close(session) }
        let pixels = (0..<28 * 28).map { UInt8($0 % 251) }
        let planar = [Float](repeating: 0.5, count: 400)
        var logits = [Float](repeating: .nan, count: 10)
        var count = 0
        #expect(shoal_session_run_pixels(session, pixels, 784, 28, 28, CInt(SHOAL_PLANAR)) == SHOAL_OK)
        ca_begin()
        for round in 0..<20 {
            _ = shoal_session_activate(session, round % 2)
            if round % 2 == 0 { _ = shoal_session_run_planar(session, planar, 400) }
            _ = shoal_session_logits(session, &logits, 10, &count)
        }
        let allocations = ca_count()
        #expect(allocations == 0 && ca_is_counting() != 0, "\(allocations) allocations")
        #expect(count == 10 && logits.allSatisfy(\.isFinite))
        var best = shoal_ranked()
        #expect(shoal_session_top(session, &best, 1, &count) == SHOAL_OK && count == 1)
        #expect(best.value == logits.max() && logits[best.index] == best.value)
    }

    @Test func misuseIsRefusedWithACodeAndASentence() throws {
        var handle: OpaquePointer? = OpaquePointer(bitPattern: 1)
        #expect(shoal_model_open("/nowhere.shoal", nil, nil, &handle) == SHOAL_FILE && handle == nil)
        #expect(lastError.contains("/nowhere.shoal: cannot be opened"))
        #expect(shoal_model_open(nil, nil, nil, &handle) == SHOAL_ARGUMENT && lastError == "package is NULL")
        #expect(shoal_model_open("x", nil, nil, nil) == SHOAL_ARGUMENT && lastError == "model is NULL")
        #expect(shoal_model_open("", nil, nil, &handle) == SHOAL_ARGUMENT && lastError == "package is an empty path")
        let package = try Self.package.get()
        #expect(shoal_model_open(package, "", nil, &handle) == SHOAL_ARGUMENT && lastError == "points is an empty path")
        #expect(shoal_model_open(package, nil, package, &handle) == SHOAL_FILE && handle == nil)
        #expect(lastError == "\(package): the package holds a supernet, not a statistics file")
        shoal_model_close(nil)
        shoal_session_close(nil)
        #expect(shoal_model_point_count(nil) == 0 && shoal_model_label_count(nil) == 0)
        #expect(shoal_model_describe(nil, 0, nil) == SHOAL_ARGUMENT && lastError == "model is NULL")
        #expect(shoal_session_activate(nil, 0) == SHOAL_ARGUMENT && lastError == "session is NULL")
        #expect(shoal_session_run_planar(nil, nil, 0) == SHOAL_ARGUMENT)
        #expect(shoal_session_logits(nil, nil, 0, nil) == SHOAL_ARGUMENT)
        #expect(shoal_session_top(nil, nil, 0, nil) == SHOAL_ARGUMENT)

        let model = try opened()
        #expect(shoal_model_describe(model, 1, nil) == SHOAL_ARGUMENT && lastError == "description is NULL")
        #expect(shoal_session_open(model, [7], 1, 1, &handle) == SHOAL_ARGUMENT && handle == nil)
        #expect(lastError == "operating point 7 of 1")
        #expect(shoal_session_open(model, [0], -1, 1, &handle) == SHOAL_ARGUMENT)
        #expect(lastError == "count is larger than \(Int.max)")
        #expect(shoal_session_open(model, [0], 1, 0, &handle) == SHOAL_ARGUMENT)
        #expect(shoal_session_open(model, [0], 1, 1, &handle) == SHOAL_OK)
        // A session outlives its model.
        shoal_model_close(model)
        defer { shoal_session_close(handle) }
        let values = [Float](repeating: 0, count: 784)
        #expect(shoal_session_run_planar(handle, values, 783) == SHOAL_IMAGE)
        #expect(shoal_session_run_planar(handle, nil, 784) == SHOAL_ARGUMENT && lastError == "values is NULL")
        #expect(shoal_session_run_planar(handle, values, -1) == SHOAL_ARGUMENT)
        #expect(shoal_session_run_pixels(handle, [0], 1, 1, 1, 5) == SHOAL_ARGUMENT)
        #expect(shoal_session_run_pixels(handle, [0], 1, .min, 2, 0) == SHOAL_ARGUMENT)
        #expect(lastError == "height is larger than \(Int.max)")
        #expect(shoal_session_run_pixels(handle, [0], 1, 2, .min, 0) == SHOAL_ARGUMENT)
        #expect(lastError == "width is larger than \(Int.max)")
        #expect(shoal_session_run_encoded(handle, "x", 1) == SHOAL_IMAGE)
        #expect(shoal_session_run_planar(handle, values, 784) == SHOAL_OK)
        var (few, count) = ([Float](repeating: 0, count: 9), 5)
        #expect(shoal_session_logits(handle, &few, 9, &count) == SHOAL_ARGUMENT && count == 5)
        #expect(lastError == "10 values, there is room for 9")
    }

    @Test func theSentenceBelongsToTheThread() async throws {
        #expect(shoal_session_activate(nil, 0) == SHOAL_ARGUMENT)
        let other = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: String(cString: shoal_last_error())) }.start()
        }
        #expect(other == "")
    }
}
