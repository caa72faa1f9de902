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
        // Only what ends up in the square is computed: a long thin picture would become an enormous one.
        let rows = taps(along: photo.height, shorter: shorter, wanted: wanted)
        let columns = taps(along: photo.width, shorter: shorter, wanted: wanted)
        return Photo(height: side, width: side, pixels: resample(photo, rows, columns))
    }

    private func resample(_ photo: Photo, _ rows: [Tap], _ columns: [Tap]) -> [UInt8] {
        let channels = Photo.channels
        let first = rows[0].first
        let last = rows[side - 1].first + rows[side - 1].weights.count
        // Along the rows first, in floats, so that rounding happens once.
        var wide = [Float](repeating: 0, count: (last - first) * side * channels)
        for row in first..<last {
            for (column, tap) in columns.enumerated() {
                for channel in 0..<channels {
                    var sum: Float = 0
                    for (offset, weight) in tap.weights.enumerated() {
                        let place = (row * photo.width + tap.first + offset) * channels + channel
                        sum += weight * Float(photo.pixels[place])
                    }
                    wide[((row - first) * side + column) * channels + channel] = sum
                }
            }
        }
        var pixels = [UInt8](repeating: 0, count: side * side * channels)
        for (row, tap) in rows.enumerated() {
            for place in 0..<side * channels {
                var sum: Float = 0
                for (offset, weight) in tap.weights.enumerated() {
                    sum += weight * wide[(tap.first - first + offset) * side * channels + place]
                }
                pixels[row * side * channels + place] = UInt8(max(0, min(255, sum.rounded())))
            }
        }
        return pixels
    }

    private struct Tap {
        var first: Int
        var weights: [Float]
    }

    /// For the `side` positions in the middle of the scaled length.
    private func taps(along source: Int, shorter: Int, wanted: Int) -> [Tap] {
        let length = Double(source) * Double(wanted) / Double(shorter)
        let target = source == shorter ? wanted : max(wanted, Int(length.rounded()))
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
