import Foundation
import Packages
import Testing

@testable import Datasets

@Suite struct PhotoFitTests {
    private static func photo(_ width: Int, _ height: Int, _ value: (Int, Int) -> UInt8) -> Photo {
        Photo(
            height: height, width: width,
            pixels: (0..<height * width).flatMap { place in
                [UInt8](repeating: value(place % width, place / width), count: 3)
            })
    }

    private static func rows(_ photo: Photo) -> [[UInt8]] {
        (0..<photo.height).map { y in (0..<photo.width).map { photo.pixels[(y * photo.width + $0) * 3] } }
    }

    /// ImageNet's 256 x 256 pictures for a network that reads 224 x 224: the centre, untouched.
    @Test func picturesAtEightSeventhsAreOnlyCut() {
        let fitted = PhotoFit(size: ImageSize(7)).fit(Self.photo(8, 9) { x, y in UInt8(10 * x + y) })
        #expect(Self.rows(fitted) == (1...7).map { y in (0..<7).map { UInt8(10 * $0 + y) } })
        #expect(PhotoFit(size: ImageSize(224)).fit(Self.photo(256, 256) { x, _ in UInt8(x) }).pixels[0] == 16)
    }

    /// What Pillow's bilinear filter gives for the same picture: 20 x 14 to 10 x 7, then the centre of 6 x 6.
    @Test func scalingDownAverages() throws {
        let picture = Self.photo(20, 14) { x, _ in UInt8(12 * x) }
        let fitted = PhotoFit(size: ImageSize(6)).fit(picture)
        #expect((fitted.height, fitted.width) == (6, 6))
        #expect(Self.rows(fitted)[0].prefix(2) == [54, 78])
    }

    /// 16 x 12 for 7 x 3: by width 8 of 16, so 8 x 6, of which the centre of 7 x 3 is cut; by height nothing is scaled.
    @Test func rectanglesAreCovered() {
        let wide = PhotoFit(size: ImageSize(height: 3, width: 7)).fit(Self.photo(16, 12) { _, y in UInt8(20 * y) })
        #expect((wide.height, wide.width) == (3, 7))
        #expect(Self.rows(wide).map { $0[3] } == [50, 90, 130])
        let high = PhotoFit(size: ImageSize(height: 7, width: 3)).fit(Self.photo(9, 8) { x, y in UInt8(10 * x + y) })
        #expect(Self.rows(high) == (0..<7).map { y in (3...5).map { UInt8(10 * $0 + y) } })
        let small = PhotoFit(size: ImageSize(height: 5, width: 30)).fit(Self.photo(2, 3) { _, _ in 7 })
        #expect((small.height, small.width) == (5, 30) && small.pixels.allSatisfy { $0 == 7 })
    }

    @Test func oneColourStaysAndSmallPicturesGrow() {
        for (width, height) in [(3, 5), (100, 40), (11, 11), (1, 1), (1, 60_000), (60_000, 1), (12, 5_000)] {
            let fitted = PhotoFit(size: ImageSize(11)).fit(Self.photo(width, height) { _, _ in 99 })
            #expect((fitted.height, fitted.width) == (11, 11))
            #expect(fitted.pixels.allSatisfy { $0 == 99 })
        }
    }
}
