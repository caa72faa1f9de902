import Datasets

/// The images that play a camera, in an order drawn by a seed. No allocation after `init`.
struct ImageStream: Sendable {
    let images: ImageSet
    private let order: [Int32]

    /// - Precondition: `first` is below the number of images.
    init(images: ImageSet, first: Int, shuffledBy shuffle: ([Int32]) -> [Int32]) {
        precondition(first < images.count, "image \(first) of \(images.count)")
        self.images = images
        order = shuffle((first..<images.count).map { Int32($0) })
    }

    /// Index in the image set of the frame with this number.
    @inline(__always)
    func image(of frame: UInt64) -> Int { Int(order[Int(frame % UInt64(order.count))]) }

    /// The label, or `nil` when the stream has none.
    @inline(__always)
    func label(of image: Int) -> Int? { images.labels?[image] }
}
