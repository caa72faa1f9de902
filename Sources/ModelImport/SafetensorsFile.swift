public import Engine
import Foundation

/// Tensors in the safetensors format, 32-bit floats only: u64 header length, JSON header, values.
public enum SafetensorsFile {
    private struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }
    }

    /// - Throws: `CheckpointFailure` with file, tensor and reason.
    public static func read(from path: String) throws(CheckpointFailure) -> [String: Tensor] {
        do {
            let bytes = try FileBytes.read(from: path, limit: PyTorchCheckpoint.byteLimit)
            return try decode(bytes)
        } catch {
            throw CheckpointFailure(file: path, tensor: error.subject, reason: error.reason)
        }
    }

    private static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> [String: Tensor] {
        var reader = ByteReader(bytes)
        let header = try reader.take(try reader.readCount())
        let start = reader.position
        guard let entries = try? JSONDecoder().decode([String: Entry].self, from: Data(bytes[header])) else {
            throw ReadingFailure("is not a safetensors file")
        }
        var tensors: [String: Tensor] = [:]
        for (name, entry) in entries {
            guard entry.dtype == "F32" else { throw ReadingFailure("has the type \(entry.dtype.printable)", subject: name) }
            guard entry.dataOffsets.count == 2, 0 <= entry.dataOffsets[0], entry.dataOffsets[0] <= entry.dataOffsets[1],
                entry.dataOffsets[1] <= bytes.count - start, entry.shape.allSatisfy({ (0...1 << 30).contains($0) })
            else { throw ReadingFailure("lies outside the file", subject: name) }
            let range = start + entry.dataOffsets[0]..<start + entry.dataOffsets[1]
            var count = 1
            for dimension in entry.shape { count = min(count, 1 << 30) * dimension }
            guard range.count % 4 == 0, range.count / 4 == count else {
                throw ReadingFailure("has \(range.count) bytes for the shape \(entry.shape)", subject: name)
            }
            tensors[name] = Tensor(shape: entry.shape, values: bytes.floats(in: range))
        }
        return tensors
    }
}
