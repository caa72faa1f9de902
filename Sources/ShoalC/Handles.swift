import CShoal
import Shoal
import Synchronization

/// What a `shoal_model` leads to.
final class ModelHandle: Sendable {
    let model: Model
    private let points: Mutex<[Entry]>

    private struct Entry {
        var subnet: Subnet?
        /// `nil` until it is asked for.
        var prepared: OperatingPoint?
    }

    init(_ model: Model) {
        self.model = model
        let entries = model.kind == .network ? [Entry()] : model.subnets.map { Entry(subnet: $0) }
        points = Mutex(entries)
    }

    var pointCount: Int { points.withLock { $0.count } }

    /// - Returns: the place of the new point.
    func add(_ subnet: Subnet) -> Int {
        points.withLock { points in
            points.append(Entry(subnet: subnet))
            return points.count - 1
        }
    }

    /// Prepares the point unless that was done before; others wait meanwhile.
    func point(_ place: Int) throws(ShoalFailure) -> OperatingPoint {
        try points.withLock { (points: inout [Entry]) throws(ShoalFailure) -> OperatingPoint in
            guard points.indices.contains(place) else {
                throw ShoalFailure(.argument, "operating point \(place) of \(points.count)")
            }
            if let prepared = points[place].prepared { return prepared }
            let made = if let subnet = points[place].subnet { try model.prepare([subnet]) } else { try model.prepare() }
            points[place].prepared = made[0]
            return made[0]
        }
    }
}

/// Hands an object to C, which owns it until it closes it.
func retainedHandle(_ object: some AnyObject) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

func release<Object: AnyObject>(_ handle: OpaquePointer?, as type: Object.Type) {
    guard let handle else { return }
    Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release()
}

/// The object behind a handle, for the time of a call.
func object<Object: AnyObject>(
    _ handle: OpaquePointer?, as type: Object.Type, _ name: StaticString
) throws(ShoalFailure) -> Object {
    guard let handle else { throw ShoalFailure(.argument, "\(name) is NULL") }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

func given<Value>(_ value: Value?, _ name: StaticString) throws(ShoalFailure) -> Value {
    guard let value else { throw ShoalFailure(.argument, "\(name) is NULL") }
    return value
}

func text(_ pointer: UnsafePointer<CChar>?, _ name: StaticString) throws(ShoalFailure) -> String {
    guard let text = String(validatingCString: try given(pointer, name)) else {
        throw ShoalFailure(.argument, "\(name) is not UTF-8")
    }
    return text
}

func path(_ pointer: UnsafePointer<CChar>?, _ name: StaticString) throws(ShoalFailure) -> String {
    let path = try text(pointer, name)
    guard !path.isEmpty else { throw ShoalFailure(.argument, "\(name) is an empty path") }
    return path
}

func optionalPath(_ pointer: UnsafePointer<CChar>?, _ name: StaticString) throws(ShoalFailure) -> String? {
    pointer == nil ? nil : try path(pointer, name)
}

/// A size from C, which may be more than Swift counts to.
func size(_ value: Int, _ name: StaticString) throws(ShoalFailure) -> Int {
    guard value >= 0 else { throw ShoalFailure(.argument, "\(name) is larger than \(Int.max)") }
    return value
}

/// Runs a call from C: a failure becomes a code, and its sentence the thread's last error.
func reporting(_ body: () throws(ShoalFailure) -> Void) -> CInt {
    do {
        try body()
        return CInt(SHOAL_OK)
    } catch {
        error.message.withCString { shoal_note_error($0) }
        return switch error.kind {
        case .argument: CInt(SHOAL_ARGUMENT)
        case .file: CInt(SHOAL_FILE)
        case .subnet: CInt(SHOAL_SUBNET)
        case .image: CInt(SHOAL_IMAGE)
        case .environment: CInt(SHOAL_ENVIRONMENT)
        }
    }
}
