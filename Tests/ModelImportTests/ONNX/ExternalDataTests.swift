import Engine
import Foundation
import Graphs
import Testing

@testable import ModelImport

/// Data beside the model is read from its folder and from nowhere else.
@Suite struct ExternalDataTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-onnx-\(UUID())")

    private func read(
        location: String, offset: String? = nil, length: String? = nil, others: [(String, String?)] = []
    ) throws -> Graph {
        let inside = folder.appending(path: "model")
        try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let values = (0..<20).map { Float($0) }.withUnsafeBytes { Data($0) }
        try values.write(to: inside.appending(path: "w.bin"))
        try values.write(to: folder.appending(path: "outside.bin"))
        try FileManager.default.createSymbolicLink(
            at: inside.appending(path: "link.bin"), withDestinationURL: folder.appending(path: "outside.bin"))
        var writer = ModelWriter.convolution()
        writer.model.graph.initializer[0].rawData = Data()
        writer.model.graph.initializer[0].dataLocation = .external
        let entries = [("location", location), ("offset", offset), ("length", length)] + others
        writer.model.graph.initializer[0].externalData = entries.compactMap { key, value in
            guard let value else { return nil }
            var entry = Onnx_StringStringEntryProto()
            (entry.key, entry.value) = (key, value)
            return entry
        }
        let model = inside.appending(path: "m.onnx")
        try Data(writer.bytes()).write(to: model)
        return try ONNXImporter.read(from: model.path())
    }

    @Test func readsBesideTheModel() throws {
        let graph = try read(location: "w.bin", offset: "8", length: "72")
        #expect(graph.initialisers["w"]?.tensor?.values == (2..<20).map { Float($0) })
    }

    @Test(arguments: ["./w.bin", "sub/../w.bin", ".//w.bin", "./sub//../w.bin"])
    func detoursWithinTheFolderAreTaken(location: String) throws {
        let graph = try read(location: location, offset: "8", length: "72")
        #expect(graph.initialisers["w"]?.tensor?.values == (2..<20).map { Float($0) })
    }

    @Test(arguments: [
        "../outside.bin", "sub/../../outside.bin", "w.bin/", "sub\\w.bin", "..", "sub/..", "/etc/hostname", "link.bin",
        "", ".", "model/../../outside.bin", "none.bin",
    ])
    func staysInTheFolder(location: String) {
        #expect(throws: CheckpointFailure.self) { try read(location: location, length: "72") }
    }

    @Test(arguments: [("8", "73"), ("-8", "72"), ("0", "-72"), ("81", "0"), ("9223372036854775807", "72"), ("x", "72")])
    func staysInTheFile(offset: String, length: String) {
        #expect(throws: CheckpointFailure.self) { try read(location: "w.bin", offset: offset, length: length) }
    }

    /// The SHA-1 of the file, worked out by another program.
    private static let checksum = "f7267a05e57197843b14706afde1098605044812"

    @Test func checksumsAreOfTheWholeFile() throws {
        let graph = try read(
            location: "w.bin", offset: "8", length: "72", others: [("checksum", Self.checksum)])
        #expect(graph.initialisers["w"]?.tensor?.values == (2..<20).map { Float($0) })
        let wrong = "0" + Self.checksum.dropFirst()
        #expect(throws: CheckpointFailure.self) {
            try read(location: "w.bin", offset: "8", length: "72", others: [("checksum", wrong)])
        }
    }

    @Test(arguments: [("basepath", "sub"), ("encryption", "aes"), ("", ""), ("length", "72")])
    func whatONNXDoesNotDefineIsRefused(key: String, value: String) {
        #expect(throws: CheckpointFailure.self) {
            try read(location: "w.bin", offset: "8", length: "72", others: [(key, value)])
        }
    }
}
