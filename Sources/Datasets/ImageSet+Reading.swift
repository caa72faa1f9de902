import Engine

extension ImageSet {
    /// Largest file that is read, in bytes, after decompression.
    public static let byteLimit = 1 << 30

    /// Reads image files of one shape into one set. The format is told by the content: IDX (also gzipped), CIFAR-10
    /// binary, NumPy `.npy` of bytes (N,H,W or N,C,H,W).
    /// - Throws: `DatasetFailure` naming the file.
    public static func read(images paths: [String], labels labelPaths: [String] = []) throws(DatasetFailure)
        -> ImageSet
    {
        guard let first = paths.first else { throw DatasetFailure(file: "images", reason: "no file was given") }
        var sets: [ImageSet] = []
        for path in paths {
            let set = try read(path)
            if let shape = sets.first,
                (shape.channels, shape.height, shape.width) != (set.channels, set.height, set.width)
            {
                throw DatasetFailure(
                    file: path, reason: "has images of another size than \(first): all must be the same")
            }
            sets.append(set)
        }
        var joined = join(sets)
        if !labelPaths.isEmpty {
            var labels: [Int] = []
            for path in labelPaths { labels += try LabelFile.read(path) }
            guard labels.count == joined.count else {
                throw DatasetFailure(
                    file: labelPaths[0], reason: "\(labels.count) labels for \(joined.count) images")
            }
            joined.labels = labels
        }
        return joined
    }

    private static func join(_ sets: [ImageSet]) -> ImageSet {
        guard sets.count > 1 else { return sets[0] }
        let labels = sets.allSatisfy { $0.labels != nil } ? sets.flatMap { $0.labels ?? [] } : nil
        return ImageSet(
            channels: sets[0].channels, height: sets[0].height, width: sets[0].width,
            count: sets.reduce(0) { $0 + $1.count }, pixels: sets.flatMap(\.pixels), labels: labels)
    }

    private static func read(_ path: String) throws(DatasetFailure) -> ImageSet {
        do throws(ReadingFailure) {
            let bytes = try DatasetBytes.read(path)
            if let format = unreadFormat(bytes) {
                throw ReadingFailure("\(format) is not among the formats that are read: IDX, CIFAR-10 binary, NumPy")
            }
            if bytes.starts(with: NumpyFile.magic) { return try NumpyFile.images(bytes) }
            if IDXFile.isIDX(bytes) { return try IDXFile.images(bytes) }
            if CIFARFile.isCIFAR(bytes) { return try CIFARFile.images(bytes) }
            throw ReadingFailure("is of none of the formats that are read: IDX, CIFAR-10 binary, NumPy")
        } catch {
            throw DatasetFailure(file: path, reason: error.reason)
        }
    }

    private static func unreadFormat(_ bytes: [UInt8]) -> String? {
        let known: [(String, [UInt8])] = [
            ("JPEG", [0xFF, 0xD8, 0xFF]), ("PNG", [0x89, 0x50, 0x4E, 0x47]), ("GIF", Array("GIF8".utf8)),
            ("a zip file", [0x50, 0x4B, 3, 4]), ("BMP", Array("BM".utf8)),
        ]
        return known.first { bytes.starts(with: $0.1) }?.0
    }
}

/// A file's bytes, decompressed if it is gzip.
enum DatasetBytes {
    static func read(_ path: String) throws(ReadingFailure) -> [UInt8] {
        let bytes = try FileBytes.read(from: path, limit: ImageSet.byteLimit)
        return bytes.starts(with: [0x1F, 0x8B]) ? try Gzip.decompress(bytes, limit: ImageSet.byteLimit) : bytes
    }
}
