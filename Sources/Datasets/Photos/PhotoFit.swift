/// Brings a picture to a square of a given side, as ImageNet's classifiers are tested: the shorter side scaled to 8/7
/// of the square's (256 for 224), then the centre cut out. A picture whose shorter side is between is only cut, a
/// smaller one is scaled up.
///
/// Scaling down averages over what falls together (triangle filter whose support grows with the factor), as Pillow's
/// bilinear filter does, so that fine patterns do not alias.
struct PhotoFit {
    let side: Int

    func fit(_ photo: Photo) -> Photo {
        let shorter = min(photo.height, photo.width)
        let wanted = shorter < side ? side : min(shorter, (side * 8 + 3) / 7)
        let scaled = wanted == shorter ? photo : scale(photo, by: Double(wanted) / Double(shorter), shorter: wanted)
        return crop(scaled)
    }

    private func crop(_ photo: Photo) -> Photo {
        let (top, left) = ((photo.height - side) / 2, (photo.width - side) / 2)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(side * side * Photo.channels)
        for row in top..<top + side {
            let start = (row * photo.width + left) * Photo.channels
            pixels += photo.pixels[start..<start + side * Photo.channels]
        }
        return Photo(height: side, width: side, pixels: pixels)
    }

    private func scale(_ photo: Photo, by factor: Double, shorter: Int) -> Photo {
        func size(_ length: Int) -> Int {
            length == min(photo.height, photo.width) ? shorter : max(shorter, Int((Double(length) * factor).rounded()))
        }
        let (height, width) = (size(photo.height), size(photo.width))
        let columns = Self.taps(from: photo.width, to: width)
        let rows = Self.taps(from: photo.height, to: height)
        let channels = Photo.channels
        // Rows first, in floats, so that rounding happens once.
        var wide = [Float](repeating: 0, count: photo.height * width * channels)
        for row in 0..<photo.height {
            for (column, tap) in columns.enumerated() {
                for channel in 0..<channels {
                    var sum: Float = 0
                    for (offset, weight) in tap.weights.enumerated() {
                        let place = (row * photo.width + tap.first + offset) * channels + channel
                        sum += weight * Float(photo.pixels[place])
                    }
                    wide[(row * width + column) * channels + channel] = sum
                }
            }
        }
        var pixels = [UInt8](repeating: 0, count: height * width * channels)
        for (row, tap) in rows.enumerated() {
            for place in 0..<width * channels {
                var sum: Float = 0
                for (offset, weight) in tap.weights.enumerated() {
                    sum += weight * wide[(tap.first + offset) * width * channels + place]
                }
                pixels[row * width * channels + place] = UInt8(max(0, min(255, sum.rounded())))
            }
        }
        return Photo(height: height, width: width, pixels: pixels)
    }

    private struct Tap {
        var first: Int
        var weights: [Float]
    }

    private static func taps(from source: Int, to target: Int) -> [Tap] {
        let ratio = Double(source) / Double(target)
        let support = max(1, ratio)
        return (0..<target).map { position in
            let centre = (Double(position) + 0.5) * ratio
            let first = max(0, Int((centre - support + 0.5).rounded(.down)))
            let last = min(source, Int((centre + support + 0.5).rounded(.down)))
            let weights = (first..<last).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / support) }
            let sum = weights.reduce(0, +)
            return Tap(first: first, weights: weights.map { Float($0 / sum) })
        }
    }
}
