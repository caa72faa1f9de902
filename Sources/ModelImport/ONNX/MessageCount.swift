import Engine

/// Counts the messages of a serialised model before any is decoded: an empty message takes two bytes in a file and
/// some hundred in memory.
///
/// Field numbers are those of onnx.proto3. Only fields that can repeat are followed; what is malformed is left to the
/// decoder.
enum MessageCount {
    private enum Kind { case model, graph, node, attribute, function, training, value, type, tensorType, leaf }

    static func check(_ bytes: [UInt8]) throws(ReadingFailure) {
        var stack: [(range: Range<Int>, kind: Kind)] = [(0..<bytes.count, .model)]
        var count = 0
        while let (range, kind) = stack.popLast() {
            var position = range.lowerBound
            while let (field, content) = next(bytes, &position, range.upperBound) {
                count += 1
                guard count <= ONNXLimits.messages else {
                    throw ReadingFailure("holds more than \(ONNXLimits.messages) fields")
                }
                if let content, let inner = child(of: kind, field) { stack.append((content, inner)) }
            }
        }
    }

    private static func child(of kind: Kind, _ field: Int) -> Kind? {
        switch (kind, field) {
        case (.model, 7), (.attribute, 6), (.attribute, 11), (.training, 1), (.training, 2): .graph
        case (.model, 20): .training
        case (.model, 25): .function
        case (.graph, 1), (.function, 7): .node
        case (.node, 5): .attribute
        case (.graph, 11), (.graph, 12), (.graph, 13): .value
        case (.value, 2): .type
        case (.type, 1): .tensorType
        case (.tensorType, 2), (.graph, 5), (.graph, 14), (.attribute, 5), (.attribute, 10): .leaf
        default: nil
        }
    }

    /// The next field's number, and where its content lies if it has a length.
    private static func next(_ bytes: [UInt8], _ position: inout Int, _ end: Int) -> (Int, Range<Int>?)? {
        guard position < end, let key = varint(bytes, &position, end) else { return nil }
        let field = Int(truncatingIfNeeded: key >> 3)
        switch key & 7 {
        case 0:
            guard varint(bytes, &position, end) != nil else { return nil }
        case 1: position += 8
        case 5: position += 4
        case 2:
            guard let length = varint(bytes, &position, end), length <= UInt64(end - position) else { return nil }
            defer { position += Int(length) }
            return (field, position..<position + Int(length))
        default: return nil
        }
        return position <= end ? (field, nil) : nil
    }

    private static func varint(_ bytes: [UInt8], _ position: inout Int, _ end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard position < end else { return nil }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(min(shift, 63))
            if byte < 0x80 { return value }
        }
        return nil
    }
}
