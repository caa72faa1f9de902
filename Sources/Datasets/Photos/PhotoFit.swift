import Packages

/// Brings a picture to a given size, as ImageNet's classifiers are tested: scaled, with its proportions kept, to 8/7 of
/// the least that covers the size (a shorter side of 256 for 224x224), then the centre cut out. A picture between the
/// two is only cut, a smaller one is scaled up.
///
/// Scaling down averages over what falls together (triangle filter whose support grows with the factor), as Pillow's
/// bilinear filter does, so that fine patterns do not alias.
struct PhotoFit {
    let size: ImageSize

    func fit(_ photo: Photo) -> Photo {
        // What has to shrink least, or grow most, to cover the size.
        let isByHeight = size.height * photo.width >= size.width * photo.height
        let (source, side) = isByHeight ? (photo.height, size.height) : (photo.width, size.width)
        let wanted = source < side ? side : min(source, (side * 8 + 3) / 7)
        let other = isByHeight ? (photo.width, size.width) : (photo.height, size.height)
        let length = Double(other.0) * Double(wanted) / Double(source)
        let target = max(other.1, Int(length.rounded()))
        // Only what ends up in the result is computed: a long thin picture would become an enormous one.
        let (first, second) = (taps(from: source, to: wanted, side), taps(from: other.0, to: target, other.1))
        let (rows, columns) = isByHeight ? (first, second) : (second, first)
        return Photo(height: size.height, width: size.width, pixels: resample(photo, rows, columns))
    }

    private func resample(_ photo: Photo, _ rows: [Tap], _ columns: [Tap]) -> [UInt8] {
        let channels = Photo.channels
        let first = rows[0].first
        let last = rows[size.height - 1].first + rows[size.height - 1].weights.count
        // Along the rows first, in floats, so that rounding happens once.
        var wide = [Float](repeating: 0, count: (last - first) * size.width * channels)
        for row in first..<last {
            for (column, tap) in columns.enumerated() {
                for channel in 0..<channels {
                    var sum: Float = 0
                    for (offset, weight) in tap.weights.enumerated() {
                        let place = (row * photo.width + tap.first + offset) * channels + channel
                        sum += weight * Float(photo.pixels[place])
                    }
                    wide[((row - first) * size.width + column) * channels + channel] = sum
                }
            }
        }
        var pixels = [UInt8](repeating: 0, count: size.pixels * channels)
        for (row, tap) in rows.enumerated() {
            for place in 0..<size.width * channels {
                var sum: Float = 0
                for (offset, weight) in tap.weights.enumerated() {
                    sum += weight * wide[(tap.first - first + offset) * size.width * channels + place]
                }
                pixels[row * size.width * channels + place] = UInt8(max(0, min(255, sum.rounded())))
            }
        }
        return pixels
    }

    private struct Tap {
        var first: Int
        var weights: [Float]
    }

    /// For the `side` positions in the middle of the scaled length.
    private func taps(from source: Int, to target: Int, _ side: Int) -> [Tap] {
        let start = (target - side) / 2
        guard target != source else { return (0..<side).map { Tap(first: start + $0, weights: [1]) } }
        let ratio = Double(source) / Double(target)
        let support = max(1, ratio)
        return (start..<start + side).map { position in
            let centre = (Double(position) + 0.5) * ratio
            let first = max(0, Int((centre - support + 0.5).rounded(.down)))
            let last = min(source, Int((centre + support + 0.5).rounded(.down)))
            let weights = (first..<last).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / support) }
            let sum = weights.reduce(0, +)
            return Tap(first: first, weights: weights.map { Float($0 / sum) })
        }
    }
}
