import Engine

extension TensorPackage {
    /// Reads a file and checks everything that the layout promises. Nothing is allocated that is larger than the
    /// file.
    public static func read(from path: String) throws(PackageFailure) -> TensorPackage {
        try PackageFile(path).package()
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> TensorPackage {
        try bytes.withUnsafeBytes { bytes in
            Result { () throws(ReadingFailure) in try parse(bytes, PackageLayout(bytes)) }
        }.get()
    }

    static func parse(
        _ bytes: UnsafeRawBufferPointer, _ layout: PackageLayout
    ) throws(ReadingFailure) -> TensorPackage {
        try layout.checkGaps(bytes)
        var kind: String?
        var manifest: [UInt8]?
        var tensors: [String: Tensor] = [:]
        var blobs: [String: [UInt8]] = [:]
        for section in layout.sections {
            do throws(ReadingFailure) {
                let content = try PackageLayout.content(of: section, in: bytes)
                if section.name == "kind" {
                    kind = try readKind(content)
                } else if section.name == "manifest" {
                    manifest = Array(content)
                } else if section.name.hasPrefix(tensorPrefix) {
                    tensors[String(section.name.dropFirst(tensorPrefix.count))] = try readTensor(content)
                } else if section.name.hasPrefix(blobPrefix) {
                    blobs[String(section.name.dropFirst(blobPrefix.count))] = Array(content)
                } else {
                    throw ReadingFailure("is not a section of version \(version)")
                }
            } catch {
                throw ReadingFailure(error.reason, subject: section.name)
            }
        }
        guard let kind else { throw ReadingFailure("is missing", subject: "kind") }
        guard let manifest else { throw ReadingFailure("is missing", subject: "manifest") }
        return TensorPackage(kind: kind, manifest: manifest, tensors: tensors, blobs: blobs)
    }

    static func readKind(_ content: UnsafeRawBufferPointer) throws(ReadingFailure) -> String {
        var reader = ByteReader(Array(content))
        return try reader.readText(reader.remaining)
    }

    static func readTensor(_ content: UnsafeRawBufferPointer) throws(ReadingFailure) -> Tensor {
        var reader = ByteReader(Array(content.prefix(4 + 8 * rankLimit)))
        let rank = Int(try reader.read(UInt32.self))
        guard rank <= rankLimit else { throw ReadingFailure("\(rank) dimensions are more than \(rankLimit)") }
        var shape: [Int] = []
        var size = 4
        for _ in 0..<rank {
            let dimension = try reader.readCount()
            shape.append(dimension)
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw ReadingFailure("the shape \(shape) is too large") }
            size = product
        }
        let values = UnsafeRawBufferPointer(rebasing: content[reader.position...])
        guard size == values.count else {
            throw ReadingFailure("shape \(shape) needs \(size) bytes, but \(values.count) are there")
        }
        return Tensor(shape: shape, values: values.floats)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var floats: [Float] {
        [Float](unsafeUninitializedCapacity: count / 4) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: self)
            initialized = count / 4
        }
    }
}
