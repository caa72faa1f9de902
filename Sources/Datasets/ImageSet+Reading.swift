package import Engine
import Foundation
public import Packages

extension ImageSet {
    /// Largest file that is read, in bytes, after decompression.
    public static let byteLimit = 1 << 30

    /// Reads image files of one shape into one set. The format is told by the content: IDX (also gzipped), CIFAR-10
    /// binary, NumPy `.npy` of bytes (N,H,W or N,C,H,W), JPEG and PNG. A folder stands for its JPEG and PNG files in
    /// the order of their names.
    /// - Parameters:
    ///   - labelPaths: Label files; one that names files (a tab and the name after each class) is looked up by name.
    ///   - size: JPEG and PNG pictures are brought to this size (`PhotoFit`); as they are where `nil`.
    ///   - channels: one makes pictures grey.
    /// - Throws: `DatasetFailure` naming the file.
    public static func read(
        images paths: [String], labels labelPaths: [String] = [], fittingPhotosTo size: ImageSize? = nil,
        channels: Int? = nil
    ) throws(DatasetFailure) -> ImageSet {
        let files = try expand(paths)
        guard let first = files.first else { throw DatasetFailure(file: "images", reason: "no file was given") }
        var sets: [ImageSet] = []
        for path in files {
            let set = try read(path, fittingPhotosTo: size, channels)
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
            let names = sets.allSatisfy { $0.count == 1 } ? files.map { URL(filePath: $0).lastPathComponent } : nil
            joined.labels = try LabelFile.read(labelPaths, count: joined.count, fileNames: names)
        }
        return joined
    }

    /// Folders replaced by the pictures in them.
    private static func expand(_ paths: [String]) throws(DatasetFailure) -> [String] {
        var files: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
                files.append(path)
                continue
            }
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
                throw DatasetFailure(file: path, reason: "cannot be listed")
            }
            let pictures = names.filter { name in
                ["jpg", "jpeg", "png"].contains(URL(filePath: name).pathExtension.lowercased())
            }
            guard !pictures.isEmpty else { throw DatasetFailure(file: path, reason: "holds no .jpg, .jpeg or .png") }
            files += pictures.sorted().map { path + "/" + $0 }
        }
        return files
    }

    private static func join(_ sets: [ImageSet]) -> ImageSet {
        guard sets.count > 1 else { return sets[0] }
        let labels = sets.allSatisfy { $0.labels != nil } ? sets.flatMap { $0.labels ?? [] } : nil
        return ImageSet(
            channels: sets[0].channels, height: sets[0].height, width: sets[0].width,
            count: sets.reduce(0) { $0 + $1.count }, pixels: sets.flatMap(\.pixels), labels: labels)
    }

    private static func read(
        _ path: String, fittingPhotosTo size: ImageSize?, _ channels: Int?
    ) throws(DatasetFailure) -> ImageSet {
        do throws(ReadingFailure) {
            let bytes = try DatasetBytes.read(path)
            if let photo = try photo(bytes, fittingTo: size, channels: channels) { return photo }
            if let format = unreadFormat(bytes) { throw ReadingFailure("\(format) is not among \(formats)") }
            if bytes.starts(with: NumpyFile.magic) { return try NumpyFile.images(consume bytes) }
            if IDXFile.isIDX(bytes) { return try IDXFile.images(consume bytes) }
            if CIFARFile.isCIFAR(bytes) { return try CIFARFile.images(bytes) }
            throw ReadingFailure("is none of \(formats)")
        } catch {
            throw DatasetFailure(file: path, reason: error.reason)
        }
    }

    /// A JPEG or PNG picture, told by its first bytes; `nil` when it is neither.
    /// - Parameters:
    ///   - size: what it is brought to (`PhotoFit`); as it is where `nil`.
    ///   - channels: one for a grey picture, else it has three.
    package static func photo(
        _ bytes: [UInt8], fittingTo size: ImageSize?, channels: Int?
    ) throws(ReadingFailure) -> ImageSet? {
        guard let photo = try Photo.decode(bytes) else { return nil }
        let fitted = size.map { PhotoFit(size: $0).fit(photo) } ?? photo
        let isGrey = channels == 1
        return ImageSet(
            channels: isGrey ? 1 : Photo.channels, height: fitted.height, width: fitted.width, count: 1,
            pixels: isGrey ? fitted.grey : fitted.planar)
    }

    private static let formats = "the formats that are read: IDX, CIFAR-10 binary, NumPy, JPEG, PNG"

    private static func unreadFormat(_ bytes: [UInt8]) -> String? {
        let known: [(String, [UInt8])] = [
            ("GIF", Array("GIF8".utf8)), ("a zip file", [0x50, 0x4B, 3, 4]), ("BMP", Array("BM".utf8)),
        ]
        return known.first { bytes.starts(with: $0.1) }?.0
    }
}

/// A file's bytes, decompressed if it is gzip.
enum DatasetBytes {
    static func read(_ path: String) throws(ReadingFailure) -> [UInt8] {
        let bytes = try FileBytes.read(from: path, limit: ImageSet.byteLimit)
        guard bytes.starts(with: Gzip.magic) else { return bytes }
        return try Gzip.decompress(bytes, limit: ImageSet.byteLimit, statedSize: IDXFile.statedSize)
    }
}
