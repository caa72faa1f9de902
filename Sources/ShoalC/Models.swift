public import CShoal
import Shoal

// The functions of shoal.h about models; what each does is said there.

@c @implementation
public func shoal_model_open(
    _ package: UnsafePointer<CChar>?, _ points: UnsafePointer<CChar>?, _ statistics: UnsafePointer<CChar>?,
    _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let result = try given(model, "model")
        result.pointee = nil
        let opened = try Model(
            try path(package, "package"), points: try optionalPath(points, "points"),
            statistics: try optionalPath(statistics, "statistics"))
        result.pointee = retainedHandle(ModelHandle(opened))
    }
}

@c @implementation
public func shoal_model_close(_ model: OpaquePointer?) { release(model, as: ModelHandle.self) }

@c @implementation
public func shoal_model_point_count(_ model: OpaquePointer?) -> Int {
    (try? object(model, as: ModelHandle.self, "model").pointCount) ?? 0
}

@c @implementation
public func shoal_model_add_point(
    _ model: OpaquePointer?, _ json: UnsafePointer<CChar>?, _ point: UnsafeMutablePointer<Int>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let handle = try object(model, as: ModelHandle.self, "model")
        let result = try given(point, "point")
        result.pointee = handle.add(try handle.model.subnet(json: try text(json, "json")))
    }
}

@c @implementation
public func shoal_model_describe(
    _ model: OpaquePointer?, _ point: Int, _ description: UnsafeMutablePointer<shoal_point>?
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let handle = try object(model, as: ModelHandle.self, "model")
        let result = try given(description, "description")
        let found = try handle.point(try size(point, "point"))
        result.pointee = shoal_point(
            channels: found.channels, resolution: found.resolution, height: found.height, width: found.width,
            input_count: found.inputCount,
            output_count: found.outputCount ?? 0, flops: UInt64(clamping: found.flops),
            calibrated: found.statistics == .own ? 1 : 0, slow: found.slowBecause == nil ? 0 : 1)
    }
}

@c @implementation
public func shoal_model_label_count(_ model: OpaquePointer?) -> Int {
    (try? object(model, as: ModelHandle.self, "model").model.labels.count) ?? 0
}

@c @implementation
public func shoal_model_label(
    _ model: OpaquePointer?, _ label: Int, _ text: UnsafeMutablePointer<CChar>?, _ bytes: Int
) -> CInt {
    reporting { () throws(ShoalFailure) in
        let labels = try object(model, as: ModelHandle.self, "model").model.labels
        let result = try given(text, "text")
        guard labels.indices.contains(label) else {
            throw ShoalFailure(.argument, "label \(label) of \(labels.count)")
        }
        let name = labels[label].utf8CString
        guard name.count <= (try size(bytes, "bytes")) else {
            throw ShoalFailure(.argument, "label \(label) takes \(name.count) bytes, there is room for \(bytes)")
        }
        for (place, byte) in name.enumerated() { result[place] = byte }
    }
}
