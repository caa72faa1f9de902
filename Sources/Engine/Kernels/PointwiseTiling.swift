import CKernels

/// Which micro-tile a pointwise convolution is computed with.
///
/// All tiles add up a value's products in the same order, so the choice never changes a result. Measured on Zen 4: a
/// tile of one panel and up to 28 pixels reaches 112-117 of 118 GFLOP/s on every map from 28x28 down, 5-6 % more than
/// 14x2 and 1 % more than 9x3, because its one row of weights per input channel leaves the most registers to sums.
struct PointwiseTiling: Sendable {
    struct Tile: Sendable {
        let name: String
        let pixels: Int
        let panels: Int
        let function: ck_function

        /// Loads and multiply-adds per input channel, of all tiles that a map is cut into; a multiply-add is never
        /// faster than a load, and tiles with few sums wait for their latency.
        func cost(pixels mapPixels: Int, blocks: Int) -> Int {
            let strips = (mapPixels + pixels - 1) / pixels
            let groups = (blocks + panels - 1) / panels
            let tile = (mapPixels + strips - 1) / strips
            let panelsOfTile = (blocks + groups - 1) / groups
            return strips * groups * (max(tile * panelsOfTile, Self.latency) + panelsOfTile)
        }

        private static let latency = 8
    }

    let tiles: [Tile]

    /// The pointwise ones among some rows for one element that a machine can run, or `nil` where there are none. Rows
    /// that need the most of the processor's features leave the others out.
    init?(_ rows: [ck_kernel]) {
        let rows = rows.filter { $0.operation == CK_OP_POINTWISE }
        let most = rows.map(\.features.nonzeroBitCount).max()
        tiles = rows.filter { $0.features.nonzeroBitCount == most }
            .map {
                Tile(
                    name: String(cString: $0.name), pixels: Int($0.tile_pixels), panels: Int($0.tile_panels),
                    function: $0.function)
            }
        if tiles.isEmpty { return nil }
    }

    func best(pixels: Int, blocks: Int) -> Tile {
        var best = tiles[0]
        for tile in tiles.dropFirst()
        where tile.cost(pixels: pixels, blocks: blocks) < best.cost(pixels: pixels, blocks: blocks) { best = tile }
        return best
    }
}
