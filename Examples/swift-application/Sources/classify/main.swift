// Classifies raw images with every operating point of a package in turn.
//
//     swift run --package-path Examples/swift-application classify PACKAGE HEIGHT WIDTH FILE…
//
// A FILE holds one image, HEIGHT x WIDTH x channels bytes, channels of a pixel side by side; or it is a JPEG or PNG.
import Foundation
import Shoal

func classify(_ arguments: [String]) throws {
    guard arguments.count >= 4, let height = Int(arguments[1]), let width = Int(arguments[2]) else {
        throw ShoalFailure(.argument, "usage: classify PACKAGE HEIGHT WIDTH FILE…")
    }
    let model = try Model(arguments[0])
    let session = try InferenceSession(try model.prepare(), threads: 2)
    for file in arguments[3...] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ShoalFailure(.image, "\(file): cannot be read")
        }
        let bytes = [UInt8](data)
        for place in session.points.indices {
            try session.activate(place)
            if file.hasSuffix(".png") || file.hasSuffix(".jpg") {
                try session.run(encoded: bytes)
            } else {
                try session.run(pixels: bytes.span, height: height, width: width)
            }
            for best in session.top(1) {
                let label = best.index < model.labels.count ? model.labels[best.index] : "class \(best.index)"
                print("\(file): \(label) (\(best.value)) at \(session.points[place].resolution) pixels")
            }
        }
    }
}

do {
    try classify(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("classify: \(error)\n".utf8))
    exit(2)
}
