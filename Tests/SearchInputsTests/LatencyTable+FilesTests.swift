import LatencyPrediction
import Testing

@testable import SearchInputs

@Suite struct LatencyTableFilesTests {
    private let rows = #"{"Conv":{"mean":1.5}}"#

    private func refusal(_ body: () throws -> LatencyTable) -> String? {
        do {
            _ = try body()
            return nil
        } catch { return "\(error)" }
    }

    /// A folder's name says nothing about the processor, whatever it ends in.
    @Test(arguments: ["latency_table_jetson_cpu", "latency_table_jetson_gpu", "measured"])
    func aFolderDoesNotSayItsProcessor(name: String) throws {
        let fixture = try SearchInputsFixture()
        defer { fixture.remove() }
        _ = try fixture.write("\(name)/160_lookup_table.json", rows)
        let folder = fixture.folder + "/" + name

        let table = try LatencyTable.load(folder)
        #expect(table.source == .init(boardClass: name, processor: LatencyTable.Source.unknownProcessor))
        #expect(try LatencyTable.load(folder, processor: "gpu").source.processor == "gpu")
        let stated = LatencyTable.Source(boardClass: "nano", processor: "cpu")
        #expect(try LatencyTable.load(folder, undescribedAs: stated).source == stated)

        _ = try fixture.write("\(name)/source.json", #"{"boardClass":"jetson","processor":"gpu","engineVersion":"3"}"#)
        let described = try LatencyTable.load(folder)
        #expect(described.source == .init(boardClass: "jetson", processor: "gpu", engineVersion: "3"))
        #expect(try LatencyTable.load(folder, undescribedAs: stated).source == described.source)
        #expect(described.entries[160]?["Conv"]?.mean == 1.5)
        #expect(refusal { try LatencyTable.load(folder, processor: "cpu") }?.contains("gpu, not on cpu") == true)
    }

    @Test func aTableThatSaysOtherwiseIsRefused() throws {
        let fixture = try SearchInputsFixture()
        defer { fixture.remove() }
        let path = try fixture.write(
            "t.json", #"{"boardClass":"b","processor":"cpu","unit":"ms","resolutions":{"160":\#(rows)}}"#)
        #expect(try LatencyTable.load(path, processor: "cpu").source.processor == "cpu")
        #expect(refusal { try LatencyTable.load(path, processor: "gpu") }?.contains("cpu, not on gpu") == true)
        let broken = try fixture.write("f/source.json", #"{"boardClass":"b"}"#)
        _ = try fixture.write("f/160_lookup_table.json", rows)
        #expect(refusal { try LatencyTable.load(fixture.folder + "/f") }?.contains("processor is missing") == true)
        #expect(broken.hasSuffix("source.json"))
    }
}
