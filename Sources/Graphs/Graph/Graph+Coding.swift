import Foundation

/// A tensor inside a manifest, its bytes in base 64.
package struct EncodedTensor: Codable {
    var element: ElementType
    var shape: [Int]
    var data: Data

    package init(_ value: TensorValue) {
        (element, shape, data) = (value.elements.type, value.shape, Data(value.elements.littleEndianBytes))
    }

    package func value() throws(GraphFailure) -> TensorValue {
        let count = try GraphLimits.checkedCount(of: shape, element)
        guard data.count == count * element.byteCount else {
            throw GraphFailure("shape \(shape) needs \(count * element.byteCount) bytes, but \(data.count) are there")
        }
        return TensorValue(shape: shape, Elements(littleEndian: data, as: element))
    }
}

/// A number, a name or null.
extension Dimension: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .unknown
        } else if let size = try? container.decode(Int.self) {
            guard 0...Int(Int32.max) ~= size else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "the dimension \(size)")
            }
            self = .fixed(size)
        } else {
            self = .symbolic(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .fixed(let size): try container.encode(size)
        case .symbolic(let name): try container.encode(name)
        case .unknown: try container.encodeNil()
        }
    }
}

/// An object with one key, the attribute's type.
extension Attribute: Codable {
    private enum Key: String, CodingKey {
        case int, float, string, ints, floats, strings, tensor
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        guard let key = container.allKeys.first, container.allKeys.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an attribute has not exactly one type"))
        }
        switch key {
        case .int: self = .int(try container.decode(Int.self, forKey: key))
        case .float: self = .float(try container.decode(Float.self, forKey: key))
        case .string: self = .string(try container.decode(String.self, forKey: key))
        case .ints: self = .ints(try container.decode([Int].self, forKey: key))
        case .floats: self = .floats(try container.decode([Float].self, forKey: key))
        case .strings: self = .strings(try container.decode([String].self, forKey: key))
        case .tensor: self = .tensor(try container.decode(EncodedTensor.self, forKey: key).value())
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .int(let value): try container.encode(value, forKey: .int)
        case .float(let value): try container.encode(value, forKey: .float)
        case .string(let value): try container.encode(value, forKey: .string)
        case .ints(let values): try container.encode(values, forKey: .ints)
        case .floats(let values): try container.encode(values, forKey: .floats)
        case .strings(let values): try container.encode(values, forKey: .strings)
        case .tensor(let value): try container.encode(EncodedTensor(value), forKey: .tensor)
        }
    }
}
