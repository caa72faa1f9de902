import Foundation
import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct MultilayerPerceptronTests {
    /// 2 inputs, hidden (x - y, y - x) + (0, 1), output 3 a - b + 0.5.
    let small = [
        MultilayerPerceptron.Layer(inputs: 2, outputs: 2, weights: [1, -1, -1, 1], bias: [0, 1]),
        .init(inputs: 2, outputs: 1, weights: [3, -1], bias: [0.5]),
    ]

    @Test func theReferenceIsTheFormula() throws {
        let perceptron = try MultilayerPerceptron(layers: small)
        #expect(perceptron.reference([1, 0]) == 3.5)
        #expect(perceptron.reference([0, 1]) == -1.5)
        #expect(perceptron.reference([0, 0]) == -0.5)
    }

    @Test func layersThatDoNotFitAreRefusedByTheirPlace() {
        func refusal(_ layers: [MultilayerPerceptron.Layer]) -> String? {
            do {
                _ = try MultilayerPerceptron(layers: layers)
                return nil
            } catch { return error.description }
        }
        let name = "accuracy predictor, layer"
        #expect(refusal([]) == "\(name) 0: 0 layers are outside 1...16")
        #expect(refusal([small[0]]) == "\(name) 0: the last layer has one output")
        #expect(refusal([.init(inputs: 0, outputs: 1, weights: [], bias: [0])]) == "\(name) 0: is empty")
        #expect(
            refusal([.init(inputs: 2, outputs: 1, weights: [1], bias: [0])])
                == "\(name) 0: expected 2 weights, found 1")
        #expect(
            refusal([.init(inputs: 1, outputs: 1, weights: [1], bias: [])])
                == "\(name) 0: expected 1 biases, found 0")
        #expect(
            refusal([small[0], .init(inputs: 3, outputs: 1, weights: [1, 2, 3], bias: [0])])
                == "\(name) 1: takes 3 inputs, the layer before gives 2")
        #expect(
            refusal([.init(inputs: 1, outputs: 1, weights: [.nan], bias: [0])])
                == "\(name) 0: a weight is not finite")
    }

    @Test func widthAndDepthAreLimited() throws {
        let limit = MultilayerPerceptron.widthLimit
        func wide(_ count: Int) -> [MultilayerPerceptron.Layer] {
            [.init(inputs: count, outputs: 1, weights: Array(repeating: 0, count: count), bias: [0])]
        }
        _ = try MultilayerPerceptron(layers: wide(limit))
        #expect(throws: PredictorRefusal.tooLarge(layer: 0, limit: limit)) {
            try MultilayerPerceptron(layers: wide(limit + 1))
        }
        func deep(_ count: Int) -> [MultilayerPerceptron.Layer] { Array(repeating: wide(1)[0], count: count) }
        _ = try MultilayerPerceptron(layers: deep(MultilayerPerceptron.layerLimit))
        #expect(throws: PredictorRefusal.self) {
            try MultilayerPerceptron(layers: deep(MultilayerPerceptron.layerLimit + 1))
        }
    }

    @Test func survivesJSONAndIsCheckedThere() throws {
        let perceptron = try MultilayerPerceptron(layers: small)
        let data = try JSONEncoder().encode(perceptron)
        #expect(try JSONDecoder().decode(MultilayerPerceptron.self, from: data) == perceptron)
        let json = Data(#"{"layers":[{"inputs":2,"outputs":1,"weights":[1],"bias":[0]}]}"#.utf8)
        #expect(throws: PredictorRefusal.self) { try JSONDecoder().decode(MultilayerPerceptron.self, from: json) }
    }

    @Test func scalingScalesTheOutput() throws {
        let perceptron = try MultilayerPerceptron(layers: small)
        #expect(perceptron.scaled(by: 2).reference([1, 0]) == 7)
    }
}
