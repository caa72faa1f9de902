import Fusion
import Graphs

extension Calibration {
    /// Values of each channel of a map below which its range is a guess: one for each of a few images.
    static let fewValues = 64

    /// Why the ranges may say little of images to come, and what to do: a sentence each, empty where nothing was found.
    public var doubts: [String] {
        guard imageCount > 0 else { return [] }
        if areImagesAlike {
            return [
                (imageCount == 1 ? "there is one image" : "all \(imageCount) images are the same")
                    + ": give images as different as those that the network will see"
            ]
        }
        let ends = Set(network.outputs.map(\.map))
        let maps = [network.input] + network.steps.map(\.output).filter { !ends.contains($0) }
        func first(_ condition: (Values) -> Bool) -> (count: Int, name: String)? {
            let found = maps.filter { values[$0].map(condition) ?? false }
            return found.first.map { (found.count, $0.printable) }
        }
        var doubts: [String] = []
        if let (count, name) = first({ $0.histogram.least == $0.histogram.greatest }) {
            doubts.append(
                "\(count) of \(maps.count) maps hold one and the same value on all images, \(name) is the first: "
                    + "give images like those that the network will see")
        }
        if let (count, name) = first({ $0.channels.pixels < Self.fewValues }) {
            doubts.append(
                "\(count) of \(maps.count) maps hold fewer than \(Self.fewValues) values of each channel, \(name) is "
                    + "the first: give more than \(imageCount) images")
        }
        return doubts
    }
}
