public import Engine
import Foundation
import Graphs
public import Packages

/// Tensors in a safetensors file, of which 32-bit floats are read.
///
/// Layout: u64 header size, a JSON object `{"NAME": {"dtype", "shape", "data_offsets": [begin, end]}}`, data. As the
/// format demands, the tensors cover the data without gap or overlap.
public enum SafetensorsFile {
    /// The largest file that is read, in bytes.
    public static let byteLimit = 1 << 32
    /// The largest header that is read, in bytes; the limit of the reference implementation.
    public static let headerLimit = 100_000_000

    public static func read(from path: String) throws(CheckpointFailure) -> [String: Tensor] {
        do throws(ReadingFailure) {
            return try parse(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    private struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }

        /// In the order of the data; empty tensors come before what starts at the same place.
        func precedes(_ other: Entry) -> Bool { dataOffsets.lexicographicallyPrecedes(other.dataOffsets) }
    }

    /// The header's object, without the free text under `__metadata__`.
    private struct Header: Decodable {
        var entries: [String: Entry] = [:]

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys where key.stringValue != "__metadata__" {
                entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> [String: Tensor] {
        var reader = ByteReader(bytes)
        let headerSize = try reader.readCount()
        guard headerSize <= headerLimit else {
            throw ReadingFailure("a header of \(headerSize) bytes is larger than \(headerLimit)")
        }
        let headerRange = try reader.take(headerSize)
        let header: Header
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(bytes[headerRange]))
        } catch {
            throw ReadingFailure("the header is not the JSON of a safetensors file")
        }
        var tensors: [String: Tensor] = [:]
        var end = 0
        for (name, entry) in header.entries.sorted(by: { $0.value.precedes($1.value) }) {
            do throws(ReadingFailure) {
                let size = try byteCount(of: entry)
                guard entry.dataOffsets == [end, end + size] else {
                    throw ReadingFailure("offsets \(entry.dataOffsets) are not \([end, end + size])")
                }
                end += size
                tensors[name] = Tensor(shape: entry.shape, values: bytes.floats(in: try reader.take(size)))
            } catch {
                throw ReadingFailure(error.reason, subject: name)
            }
        }
        guard reader.remaining == 0 else { throw ReadingFailure("\(reader.remaining) bytes belong to no tensor") }
        return tensors
    }

    private static func byteCount(of entry: Entry) throws(ReadingFailure) -> Int {
        guard entry.dtype == "F32" else {
            throw ReadingFailure("has type \(entry.dtype.printable); only F32 is read")
        }
        guard entry.shape.count <= TensorPackage.rankLimit, entry.shape.allSatisfy({ $0 >= 0 }) else {
            throw ReadingFailure("the shape is not valid")
        }
        var size = MemoryLayout<Float>.size
        for dimension in entry.shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow, product <= byteLimit else { throw ReadingFailure("shape \(entry.shape) is too large") }
            size = product
        }
        return size
    }
}
