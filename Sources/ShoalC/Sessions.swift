public import CShoal
import Shoal

// The functions of shoal.h about sessions; what each does is said there.

@c @implementation
public func shoal_session_open(
    _ model: OpaquePointer?, _ points: UnsafePointer<Int>?, _ count: Int, _ threads: CInt,
    _ session: UnsafeMutablePointer<OpaquePointer?>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let result = try given(session, "session")
        result.pointee = nil
        let handle = try object(model, as: ModelHandle.self, "model")
        let places = try given(points, "points")
        guard (1...Model.pointsLimit).contains(try size(count, "count")) else {
            throw ShoalFailure(.argument, "\(count) operating points: give 1 to \(Model.pointsLimit)")
        }
        var prepared: [OperatingPoint] = []
        for place in UnsafeBufferPointer(start: places, count: count) {
            prepared.append(try handle.point(try size(place, "points")))
        }
        result.pointee = retainedHandle(try InferenceSession(prepared, threads: Int(threads)))
    }
}

@c @implementation
public func shoal_session_close(_ session: OpaquePointer?) { release(session, as: InferenceSession.self) }

@c @implementation
public func shoal_session_activate(_ session: OpaquePointer?, _ place: Int) -> CInt {
    reporting { () throws(ShoalFailure) in
        try object(session, as: InferenceSession.self, "session").activate(try size(place, "place"))
    }
}

@c @implementation
public func shoal_session_run_planar(
    _ session: OpaquePointer?, _ values: UnsafePointer<Float>?, _ count: Int
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let session = try object(session, as: InferenceSession.self, "session")
        let values = UnsafeBufferPointer(start: try given(values, "values"), count: try size(count, "count"))
        try session.run(planar: values.span)
    }
}

@c @implementation
public func shoal_session_run_pixels(
    _ session: OpaquePointer?, _ pixels: UnsafePointer<UInt8>?, _ bytes: Int, _ height: Int, _ width: Int,
    _ layout: CInt
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let session = try object(session, as: InferenceSession.self, "session")
        let pixels = UnsafeBufferPointer(start: try given(pixels, "pixels"), count: try size(bytes, "bytes"))
        guard layout == CInt(SHOAL_PLANAR) || layout == CInt(SHOAL_INTERLEAVED) else {
            throw ShoalFailure(.argument, "layout \(layout) is neither SHOAL_PLANAR nor SHOAL_INTERLEAVED")
        }
        try session.run(
            pixels: pixels.span, height: try size(height, "height"), width: try size(width, "width"),
            layout: layout == CInt(SHOAL_PLANAR) ? .planar : .interleaved)
    }
}

@c @implementation
public func shoal_session_run_encoded(
    _ session: OpaquePointer?, _ picture: UnsafeRawPointer?, _ bytes: Int
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let session = try object(session, as: InferenceSession.self, "session")
        let picture = UnsafeRawBufferPointer(
            start: try given(picture, "picture"), count: try size(bytes, "bytes"))
        try session.run(encoded: Array(picture))
    }
}

@c @implementation
public func shoal_session_logits(
    _ session: OpaquePointer?, _ values: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let session = try object(session, as: InferenceSession.self, "session")
        let values = try given(values, "values")
        let result = try given(count, "count")
        let room = try size(capacity, "capacity")
        try session.withLogits { (logits) throws(ShoalFailure) in
            guard logits.count <= room else {
                throw ShoalFailure(.argument, "\(logits.count) values, there is room for \(room)")
            }
            for place in logits.indices { values[place] = logits[place] }
            result.pointee = logits.count
        }
    }
}

@c @implementation
public func shoal_session_top(
    _ session: OpaquePointer?, _ ranked: UnsafeMutablePointer<shoal_ranked>?, _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let session = try object(session, as: InferenceSession.self, "session")
        let ranked = try given(ranked, "ranked")
        let result = try given(count, "count")
        let top = session.top(try size(capacity, "capacity"))
        for (place, entry) in top.enumerated() { ranked[place] = shoal_ranked(index: entry.index, value: entry.value) }
        result.pointee = top.count
    }
}
