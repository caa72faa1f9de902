import SearchSpace
import Testing

@testable import MapPruning

@Suite struct CholeskyTests {
    @Test func itSolvesAndRefuses() throws {
        let factor = try #require(Cholesky([4, 0, 2, 3], size: 2))
        let solution = factor.solve([8, 7], columns: 1)
        #expect(
            abs(4 * solution[0] + 2 * solution[1] - 8) < 1e-12 && abs(2 * solution[0] + 3 * solution[1] - 7) < 1e-12)
        #expect(Cholesky([1, 0, 2, 1], size: 2) == nil)
    }

    /// Sizes beside multiples of eight too, several right sides.
    @Test(arguments: [(1, UInt64(1)), (7, 2), (8, 3), (13, 4), (40, .random(in: 0...UInt64.max))])
    func productsOfTheSolutionAreTheRightSide(size: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let root = (0..<size * size).map { _ in Double.random(in: -1...1, using: &generator) }
        var matrix = [Double](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in 0..<size {
                let sum = (0..<size).reduce(0.0) { $0 + root[row * size + $1] * root[column * size + $1] }
                matrix[row * size + column] = sum + (row == column ? 0.1 : 0)
            }
        }
        let right = (0..<size * 3).map { _ in Double.random(in: -1...1, using: &generator) }
        let solution = try #require(Cholesky(matrix, size: size)).solve(right, columns: 3)
        for row in 0..<size {
            for column in 0..<3 {
                let product = (0..<size).reduce(0.0) { $0 + matrix[row * size + $1] * solution[$1 * 3 + column] }
                #expect(abs(product - right[row * 3 + column]) < 1e-8, "seed \(seed)")
            }
        }
    }
}
