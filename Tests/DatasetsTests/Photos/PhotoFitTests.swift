import Foundation
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
        let fitted = PhotoFit(side: 7).fit(Self.photo(8, 9) { x, y in UInt8(10 * x + y) })
        #expect(Self.rows(fitted) == (1...7).map { y in (0..<7).map { UInt8(10 * $0 + y) } })
        #expect(PhotoFit(side: 224).fit(Self.photo(256, 256) { x, _ in UInt8(x) }).pixels[0] == 16)
    }

    /// What Pillow's bilinear filter gives for the same picture: 20 x 14 to 10 x 7, then the centre of 6 x 6.
    @Test func scalingDownAverages() throws {
        let picture = Self.photo(20, 14) { x, _ in UInt8(12 * x) }
        let fitted = PhotoFit(side: 6).fit(picture)
        #expect((fitted.height, fitted.width) == (6, 6))
        #expect(Self.rows(fitted)[0].prefix(2) == [54, 78])
    }

    @Test func oneColourStaysAndSmallPicturesGrow() {
        for (width, height) in [(3, 5), (100, 40), (11, 11), (1, 1), (1, 60_000), (60_000, 1), (12, 5_000)] {
            let fitted = PhotoFit(side: 11).fit(Self.photo(width, height) { _, _ in 99 })
            #expect((fitted.height, fitted.width) == (11, 11))
            #expect(fitted.pixels.allSatisfy { $0 == 99 })
        }
    }
}
