@testable import LatencyPrediction
import SearchSpace
import Testing

@Suite struct DenseMatrixTests {
    private static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> DenseMatrix {
        var generator = SeededGenerator(seed: seed)
        return DenseMatrix(
            (0..<rows).map { _ in (0..<columns).map { _ in Double.random(in: -1...1, using: &generator) } },
            columns: columns)
    }

    @Test func aFactoredSystemIsSolved() {
        let matrix = Self.random(30, 11, seed: 3)
        var gram = matrix.gram(overRows: Array(0..<30))
        #expect(
            zip(gram.values, matrix.transposed.timesTransposed(matrix.transposed).values).allSatisfy {
                abs($0 - $1) < 1e-12
            })
        gram.addToDiagonal(0.1)
        let right = (0..<11).map(Double.init)
        let back = gram.times(CholeskyFactor(gram).solve(right))
        #expect(zip(back, right).allSatisfy { abs($0 - $1) < 1e-9 })
        #expect(
            zip(CholeskyFactor(gram).inverse.times(right), CholeskyFactor(gram).solve(right)).allSatisfy {
                abs($0 - $1) < 1e-9
            })
    }

    /// Sizes around those of the lanes in which products are summed.
    @Test(arguments: [1, 2, 7, 8, 9, 16, 17, 40]) func theInverseTimesTheMatrixIsOne(size: Int) {
        var gram = Self.random(size + 5, size, seed: 11).gram(overRows: Array(0..<(size + 5)))
        gram.addToDiagonal(0.1)
        let product = CholeskyFactor(gram).inverse.timesTransposed(gram)
        for i in 0..<size {
            for j in 0..<size { #expect(abs(product[i, j] - (i == j ? 1 : 0)) < 1e-9, "seed 11") }
        }
    }

    @Test func eigenvectorsAreOrthogonalAndOrdered() {
        let matrix = Self.random(20, 9, seed: 5).gram(overRows: Array(0..<20))
        let system = SymmetricEigensystem(matrix)
        #expect(zip(system.values, system.values.dropFirst()).allSatisfy { $0 >= $1 })
        for (index, vector) in system.vectors.enumerated() {
            #expect(zip(matrix.times(vector), vector).allSatisfy { abs($0 - system.values[index] * $1) < 1e-8 })
        }
    }

    @Test(arguments: [1e-300, 0.02, 0.999, 1, 1.4142, 2, 3.7, 1e5, 1e300])
    func logarithmAndExponentialAreInverse(value: Double) {
        #expect(abs(exponential(logarithm(value)) / value - 1) < 1e-12)
    }

    @Test func knownLogarithms() {
        #expect(logarithm(1) == 0 && abs(logarithm(10) - 2.302_585_092_994_046) < 1e-15 && exponential(0) == 1)
    }
}
