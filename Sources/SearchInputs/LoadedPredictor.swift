import Engine
import Foundation
import ModelImport
import SearchSpace
package import SubnetSearch

/// What `shoal measure accuracy` writes: sampled subnets with the accuracy that each reached.
package struct AccuracySamples: Codable {
    package var weightsSHA256: String
    /// Images that the accuracy was measured on, held back from the streams.
    package var images: Int
    package var calibrationImages: Int
    package var seed: UInt64
    package var samples: [AccuracyRegression.Sample]

    package init(
        weightsSHA256: String, images: Int, calibrationImages: Int, seed: UInt64, samples: [AccuracyRegression.Sample]
    ) {
        self.weightsSHA256 = weightsSHA256
        self.images = images
        self.calibrationImages = calibrationImages
        self.seed = seed
        self.samples = samples
    }
}

/// An accuracy predictor and how good it is known to be.
package struct LoadedPredictor {
    package let predictor: AccuracyPredictor
    /// On measured subnets that it was not fitted to; `nil` for a published predictor.
    package let heldOut: AccuracyRegression.Quality?
    package let method: String

    /// - Parameter path: a PyTorch checkpoint of linear layers, or measured accuracies of `shoal measure accuracy`.
    package init(_ path: String, for space: NamedSpace, seed: UInt64) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SearchInputRefusal("\(path): cannot be read")
        }
        guard data.first != UInt8(ascii: "{") else {
            self = try Self(measured: data, path, for: space, seed: seed)
            return
        }
        let layers = try AccuracyPredictorImporter.read(from: path).map {
            MultilayerPerceptron.Layer(
                inputs: $0.weight.shape[1], outputs: $0.weight.shape[0], weights: $0.weight.values, bias: $0.bias.values
            )
        }
        let published: AccuracyPredictor
        do {
            published = try AccuracyPredictor(
                encoding: try .onceForAll(space.space), members: [try MultilayerPerceptron(layers: layers)])
        } catch { throw SearchInputRefusal("\(path): \(error)") }
        (predictor, method) = try Self.inFractions(published, path)
        heldOut = nil
    }

    /// Accuracies are fractions everywhere. A published file does not say its unit, nor of which supernet it speaks:
    /// what it predicts tells fractions from percent, and is refused where it can be neither.
    static func inFractions(
        _ predictor: AccuracyPredictor, _ path: String
    ) throws -> (predictor: AccuracyPredictor, method: String) {
        let indexed = IndexedSearchSpace(predictor.space)
        var generator = SeededGenerator(seed: 1)
        let random = (0..<254).map { _ in
            var subnet = indexed.smallest
            indexed.sample(into: &subnet, using: &generator)
            return subnet
        }
        var evaluator = predictor.makeEvaluator()
        var accuracies: [Double] = []
        evaluator.accuracies(of: [indexed.smallest, indexed.largest] + random, into: &accuracies)
        let (least, most) = (accuracies.min() ?? 0, accuracies.max() ?? 0)
        if least >= 0, most <= 1 { return (predictor, "published perceptron") }
        if least > 1, most <= 100 {
            return (try predictor.scaled(by: 0.01), "published perceptron, its percent read as fractions")
        }
        throw SearchInputRefusal(
            "\(path): predicts accuracies from \(least) to \(most) for subnets of \(predictor.space.name), neither "
                + "fractions nor percent; it may have been fitted to another supernet")
    }

    private init(measured data: Data, _ path: String, for space: NamedSpace, seed: UInt64) throws {
        guard let file = try? JSONDecoder().decode(AccuracySamples.self, from: data) else {
            throw SearchInputRefusal("\(path): holds neither measured accuracies nor a predictor")
        }
        guard space.weightsSHA256 == nil || file.weightsSHA256 == space.weightsSHA256 else {
            throw SearchInputRefusal("\(path): the accuracies were measured with other weights")
        }
        var generator = SeededGenerator(seed: seed)
        do {
            let outcome = try AccuracyRegression(encoding: ArchitectureEncoding(space.space))
                .fit(file.samples, using: &generator)
            predictor = outcome.predictor
            heldOut = outcome.heldOut
            method = "\(outcome.method)"
        } catch { throw SearchInputRefusal("\(path): \(error)") }
    }
}
