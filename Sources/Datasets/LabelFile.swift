import Engine
import Graphs

/// One class per image: IDX, NumPy, or text with a line per image that begins with the class number. In text, a tab and
/// the image's file name may follow (`17\timages/a.jpg\t…`).
enum LabelFile {
    /// The labels of one file, with the names of the images where it has them.
    struct Content: Equatable {
        var labels: [Int]
        var fileNames: [String]?
    }

    /// - Parameters:
    ///   - count: images to be labelled.
    ///   - names: names of the images' files, where each has one image.
    static func read(_ paths: [String], count: Int, fileNames names: [String]?) throws(DatasetFailure) -> [Int] {
        var labels: [Int] = []
        var listed: [String]? = []
        for path in paths {
            let content = try read(path)
            labels += content.labels
            listed = content.fileNames.flatMap { names in listed.map { $0 + names } }
        }
        if let names, let listed {
            let byName = Dictionary(zip(listed, labels)) { first, _ in first }
            guard byName.count == listed.count else {
                throw DatasetFailure(file: paths[0], reason: "names a file twice")
            }
            var found: [Int] = []
            for name in names {
                guard let label = byName[name] else {
                    throw DatasetFailure(file: paths[0], reason: "has no line for \(name.printable)")
                }
                found.append(label)
            }
            return found
        }
        guard labels.count == count else {
            throw DatasetFailure(file: paths[0], reason: "\(labels.count) labels for \(count) images")
        }
        return labels
    }

    static func read(_ path: String) throws(DatasetFailure) -> Content {
        do throws(ReadingFailure) {
            let bytes = try DatasetBytes.read(path)
            if bytes.starts(with: NumpyFile.magic) { return Content(labels: try NumpyFile.labels(bytes)) }
            if IDXFile.isIDX(bytes) { return Content(labels: try IDXFile.labels(bytes)) }
            return try text(bytes)
        } catch {
            throw DatasetFailure(file: path, reason: error.reason)
        }
    }

    static func text(_ bytes: [UInt8]) throws(ReadingFailure) -> Content {
        var labels: [Int] = []
        var names: [String] = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let fields = line.split(separator: UInt8(ascii: "\t")).map { field in
                String(decoding: field, as: UTF8.self).filter { !$0.isNewline }
            }
            guard let first = fields.first, let label = Int(first.filter { !$0.isWhitespace }), label >= 0 else {
                throw ReadingFailure("line \(number + 1) does not begin with a class number")
            }
            labels.append(label)
            if fields.count > 1, let name = fields[1].split(separator: "/").last { names.append(String(name)) }
        }
        return Content(labels: labels, fileNames: !labels.isEmpty && names.count == labels.count ? names : nil)
    }
}
