import Engine
import Graphs

/// The sections of a Darknet `.cfg`: `[net]`, then one per layer.
struct DarknetConfiguration {
    struct Section {
        let type: String
        /// Of the file, counted from 1.
        let line: Int
        fileprivate(set) var values: [String: String] = [:]
    }

    static let byteLimit = 1 << 20
    static let layerLimit = 4_096

    let network: Section
    let layers: [Section]

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ReadingFailure("is not UTF-8") }
        var sections: [Section] = []
        for (number, line) in text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" }
        ).enumerated() {
            let content = String(line.filter { !$0.isWhitespace })
            guard let first = content.first, first != "#", first != ";" else { continue }
            if first == "[" {
                guard content.last == "]" else { throw ReadingFailure("line \(number + 1): a section without an end") }
                sections.append(Section(type: String(content.dropFirst().dropLast()), line: number + 1))
                guard sections.count <= Self.layerLimit else {
                    throw ReadingFailure("has more than \(Self.layerLimit) sections")
                }
                continue
            }
            let parts = content.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !sections.isEmpty else {
                throw ReadingFailure("line \(number + 1): is neither a section nor a setting")
            }
            guard sections[sections.count - 1].values.updateValue(parts[1], forKey: parts[0]) == nil else {
                throw ReadingFailure("line \(number + 1): \(parts[0].printable) occurs twice in its section")
            }
        }
        guard let network = sections.first, ["net", "network"].contains(network.type) else {
            throw ReadingFailure("does not start with [net]")
        }
        self.network = network
        layers = Array(sections.dropFirst())
    }
}

extension DarknetConfiguration.Section {
    func int(
        _ name: String, _ standard: Int, in range: ClosedRange<Int> = 0...65_536
    ) throws(GraphFailure) -> Int {
        guard let text = values[name] else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw GraphFailure("\(name) is \(text.printable), not from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func ints(_ name: String) throws(GraphFailure) -> [Int] {
        var result: [Int] = []
        for text in (values[name] ?? "").split(separator: ",") {
            guard let value = Int(text), -65_536...65_536 ~= value else {
                throw GraphFailure("\(name) holds \(String(text).printable)")
            }
            result.append(value)
        }
        return result
    }

    func floats(_ name: String) throws(GraphFailure) -> [Float] {
        var result: [Float] = []
        for text in (values[name] ?? "").split(separator: ",") {
            guard let value = Float(text), value.isFinite else {
                throw GraphFailure("\(name) holds \(String(text).printable)")
            }
            result.append(value)
        }
        return result
    }

    func float(_ name: String, _ standard: Float) throws(GraphFailure) -> Float {
        guard let text = values[name] else { return standard }
        guard let value = Float(text), value.isFinite else { throw GraphFailure("\(name) is \(text.printable)") }
        return value
    }

    /// Down and across: `stride_y` and `stride_x`, else `stride`.
    func strides() throws(GraphFailure) -> (y: Int, x: Int) {
        let range = 1...1_024
        let stride = try int("stride", 1, in: range)
        return (try int("stride_y", stride, in: range), try int("stride_x", stride, in: range))
    }

    /// Refuses settings whose effect is not supported.
    func require(_ name: String, is value: Int) throws(GraphFailure) {
        guard try int(name, value) == value else {
            throw GraphFailure("\(name)=\(values[name] ?? "") is not supported")
        }
    }
}
