import Engine
import Supernets

/// What a gate may read besides the network itself. A row here and a `set` before the frame are all that a new one
/// needs.
public enum GateInput: String, Codable, Sendable, CaseIterable {
    /// Milliseconds that the frame has taken when the gate is asked; measured by the network itself.
    case latency
    /// Mebibytes of the board's memory that are free.
    case memory
    /// Clock of the processor in megahertz.
    case frequency
    /// Milliseconds that the frame is expected to take.
    case predictedLatency = "predicted-latency"
    /// Values of the application's own, as many as were said when the hooks were built.
    case sensors
}

/// The inputs that were chosen for all gates of a network when its hooks were built.
public struct GateInputs: Codable, Equatable, Sendable {
    public static let none = GateInputs(kinds: [], sensorCount: 0)
    public static let sensorLimit = 32

    /// In the order in which gates read them.
    public let kinds: [GateInput]
    public let sensorCount: Int
    private let sensorNames: [String]?

    init(kinds: [GateInput], sensorCount: Int, sensorNames: [String]? = nil) {
        (self.kinds, self.sensorCount, self.sensorNames) = (kinds, sensorCount, sensorNames)
    }

    /// What the application calls its sensors, in the order in which gates read them; numbers from 1 on where the hooks
    /// were built without names.
    public var sensors: [String] { sensorNames ?? (0..<sensorCount).map { "\($0 + 1)" } }

    /// - Returns: the first sensor that gates read and that is not among these.
    public func sensorMissing(from names: some Collection<String>) -> String? {
        sensors.first { !names.contains($0) }
    }

    /// - Parameter text: names separated by commas, `sensors` with their number, or each with its name:
    ///   `latency,memory,sensors:3`, `latency,sensor:temperature,sensor:lux`.
    public init(_ text: String) throws(HookRefusal) {
        var (kinds, count): ([GateInput], Int) = ([], 0)
        var names: [String] = []
        for part in text.split(separator: ",") {
            let fields = part.split(separator: ":", maxSplits: 1)
            if fields.first == "sensor" {
                guard fields.count == 2, Self.isName(fields[1]), !names.contains(String(fields[1])) else {
                    throw HookRefusal("\(part): give every sensor a name of its own, of letters, digits, - and _")
                }
                names.append(String(fields[1]))
                if names.count == 1 { kinds.append(.sensors) }
                continue
            }
            guard let kind = fields.first.flatMap({ GateInput(rawValue: String($0)) }) else {
                let known = GateInput.allCases.map(\.rawValue).joined(separator: ", ")
                throw HookRefusal("\(part) is none of \(known)")
            }
            guard !kinds.contains(kind) else { throw HookRefusal("\(kind.rawValue) is named twice") }
            if kind == .sensors {
                guard fields.count == 2, let number = Int(fields[1]), (1...Self.sensorLimit).contains(number) else {
                    throw HookRefusal("\(part): say how many, from sensors:1 to sensors:\(Self.sensorLimit)")
                }
                count = number
            } else if fields.count > 1 {
                throw HookRefusal("\(part): only sensors have a number")
            }
            kinds.append(kind)
        }
        guard names.isEmpty || count == 0 else { throw HookRefusal("sensors have either names or a number") }
        guard names.count <= Self.sensorLimit else { throw HookRefusal("more than \(Self.sensorLimit) sensors") }
        self.init(
            kinds: kinds, sensorCount: max(count, names.count), sensorNames: names.isEmpty ? nil : names)
    }

    /// Values of the sensors from a text with a line for every image, numbers separated by commas.
    public func sensorRows(in text: String, count: Int, skipping first: Int) throws(HookRefusal) -> [[Float]] {
        let lines = text.split(whereSeparator: \.isNewline).dropFirst(first).prefix(count)
        guard lines.count == count else { throw HookRefusal("has too few lines for \(count) images") }
        var rows: [[Float]] = []
        for line in lines {
            let values = line.split(separator: ",").compactMap { Float($0.filter { !$0.isWhitespace }) }
            guard values.count == sensorCount, values.allSatisfy(\.isFinite) else {
                throw HookRefusal("line \(first + rows.count + 1): expected \(sensorCount) numbers")
            }
            rows.append(values)
        }
        return rows
    }

    private static let nameLimit = 64

    private static func isName(_ text: some StringProtocol) -> Bool {
        (1...nameLimit).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                let character = Character(Unicode.Scalar(byte))
                return character.isASCII
                    && (character.isLetter || character.isNumber || character == "-" || character == "_")
            }
    }

    /// Floats that a gate reads.
    public var count: Int { kinds.reduce(0) { $0 + ($1 == .sensors ? sensorCount : 1) } }

    /// Whether it is what `init` can make; files may hold anything.
    var isSound: Bool {
        Set(kinds).count == kinds.count
            && (kinds.contains(.sensors) ? (1...Self.sensorLimit).contains(sensorCount) : sensorCount == 0)
            && (sensorNames.map {
                $0.count == sensorCount && Set($0).count == sensorCount && $0.allSatisfy(Self.isName)
            }
                ?? true)
    }
}

/// The values of a network's inputs for the next frame: set between frames, by the thread that runs them. What was
/// never set is 0, and so is what is no finite number.
public final class FrameReadings {
    public let inputs: GateInputs
    let values: AlignedBuffer
    private let places: [Int?]
    private var started: UInt64 = 0

    /// - Returns: `nil` where the gates read nothing but the network.
    init?(_ inputs: GateInputs) {
        guard inputs.count > 0 else { return nil }
        self.inputs = inputs
        values = AlignedBuffer(count: inputs.count)
        var place = 0
        var places: [GateInput: Int] = [:]
        for kind in inputs.kinds {
            places[kind] = place
            place += kind == .sensors ? inputs.sensorCount : 1
        }
        self.places = GateInput.allCases.map { places[$0] }
    }

    public var count: Int { inputs.count }

    private func place(_ input: GateInput) -> Int? {
        switch input {
        case .latency: places[0]
        case .memory: places[1]
        case .frequency: places[2]
        case .predictedLatency: places[3]
        case .sensors: places[4]
        }
    }

    /// Nothing happens where the gates do not read it.
    public func set(_ input: GateInput, to value: Double?) {
        guard let place = place(input), input != .sensors else { return }
        values.base[place] = Self.safe(Float(value ?? 0))
    }

    /// - Precondition: as many as the hooks were built for.
    public func setSensors(_ sensors: UnsafeBufferPointer<Float>) {
        guard let place = place(.sensors) else { return }
        precondition(sensors.count == inputs.sensorCount, "\(sensors.count) sensors for \(inputs.sensorCount)")
        for index in sensors.indices { values.base[place + index] = Self.safe(sensors[index]) }
    }

    /// - Parameter index: of the sensor, in the order of the inputs.
    public func setSensor(_ index: Int, to value: Double) {
        guard let place = place(.sensors), index < inputs.sensorCount else { return }
        values.base[place + index] = Self.safe(Float(value))
    }

    /// As they are set.
    var sensorValues: [Float] {
        place(.sensors).map { start in (0..<inputs.sensorCount).map { values.base[start + $0] } } ?? []
    }

    private static func safe(_ value: Float) -> Float { value.isFinite ? value : 0 }

    func frameStarted() { if place(.latency) != nil { started = PlanTimer.now() } }

    func write(to output: UnsafeMutablePointer<Float>) {
        if let place = place(.latency) { values.base[place] = Float(PlanTimer.now() - started) / 1e6 }
        output.update(from: values.base, count: values.count)
    }

    func load(_ kept: UnsafePointer<Float>) { values.base.update(from: kept, count: values.count) }
}
