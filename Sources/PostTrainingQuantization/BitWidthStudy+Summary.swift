import Fusion

extension BitWidthStudy {
    /// What each convolution, the whole network and mixed widths cost in accuracy.
    public struct Summary: Encodable {
        public struct Convolution: Encodable {
            public var `operator`: String
            public var weights: Int
            /// By the number of bits.
            public var byBits: [String: Result]
        }
        public struct Mixed: Encodable {
            /// Over all weights.
            public var meanBits: Double
            /// In the order of the convolutions.
            public var bits: [Int]
            public var result: Result
        }
        public var images: Int
        /// Of single convolutions.
        public var layerImages: Int
        public var plain: Result
        public var convolutions: [Convolution]
        public var network: [String: Result]
        public var mixed: [Mixed]
    }

    /// Each convolution alone at every width, the whole network at every width, and the greedy assignments.
    /// - Parameters:
    ///   - layerImages: for single convolutions, at most.
    ///   - progress: runs that were made of single convolutions, of one for each and each width.
    /// - Throws: where a width cannot be run.
    public func summary(images count: Int, layerImages: Int, progress: (Int) -> Void) throws -> Summary {
        let widths = Self.widths.reversed()
        var (convolutions, damages) = ([Summary.Convolution](), [[Int: Double]]())
        for (index, place) in places.enumerated() {
            var results: [Int: Result] = [:]
            for (done, width) in widths.enumerated() {
                var bits = [Int?](repeating: nil, count: places.count)
                bits[index] = width
                results[width] = try run(bits, limit: layerImages)
                progress(index * widths.count + done + 1)
            }
            convolutions.append(
                .init(
                    operator: network.steps[place].name, weights: weightCount(index),
                    byBits: Dictionary(uniqueKeysWithValues: results.map { ("\($0.key)", $0.value) })))
            damages.append(results.mapValues(\.damage))
        }
        var whole: [String: Result] = [:]
        for width in widths { whole["\(width)"] = try run(places.map { _ in width }) }
        return Summary(
            images: count, layerImages: min(layerImages, count), plain: plain, convolutions: convolutions,
            network: whole, mixed: try mixed(damages))
    }

    /// The greedy assignments at every half bit.
    private func mixed(_ damages: [[Int: Double]]) throws -> [Summary.Mixed] {
        var (result, next) = ([Summary.Mixed](), Double(Self.widths.upperBound))
        for bits in descent(damages) where meanBits(bits) <= next {
            result.append(.init(meanBits: meanBits(bits), bits: bits, result: try run(bits)))
            while meanBits(bits) <= next { next -= 0.5 }
        }
        return result
    }
}
