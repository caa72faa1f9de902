import Foundation

/// Finds keys that an object has twice. `JSONDecoder` takes one of the two values and says nothing.
enum RepeatedJSONKey {
    /// - Parameter bytes: JSON that was decoded already: nothing else is refused here.
    static func first(in bytes: [UInt8]) -> String? {
        // Keys of the objects that are open; an array's set stays empty.
        var open: [Set<String>] = []
        var text = 0..<0
        var position = 0
        while position < bytes.count {
            let start = position
            position += 1
            switch bytes[start] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): open.append([])
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: "\""):
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                position += 1
                text = start..<min(position, bytes.count)
            case UInt8(ascii: ":"):
                // What stands before a colon is a key.
                guard let key = decoded(bytes[text]), let last = open.indices.last else { continue }
                guard open[last].insert(key).inserted else { return key }
            default: continue
            }
        }
        return nil
    }

    /// A key may be written in several ways: `"\u0073td"` is `std`.
    private static func decoded(_ literal: ArraySlice<UInt8>) -> String? {
        (try? JSONSerialization.jsonObject(with: Data(literal), options: .fragmentsAllowed)) as? String
    }
}
