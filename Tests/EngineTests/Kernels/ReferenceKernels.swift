import CKernels

/// The definitions, as plain as the formulas, over channel-major maps `[channel][row][column]`.
enum Reference {
    struct Map {
        var channels: Int
        var height: Int
        var width: Int
        var values: [Float]

        init(channels: Int, height: Int, width: Int, values: [Float]? = nil) {
            self.channels = channels
            self.height = height
            self.width = width
            self.values = values ?? [Float](repeating: 0, count: channels * height * width)
        }

        subscript(channel: Int, row: Int, column: Int) -> Float {
            get { values[(channel * height + row) * width + column] }
            set { values[(channel * height + row) * width + column] = newValue }
        }

        /// In blocks of 16 channels; spare lanes hold `spare`, which no kernel may let through.
        func blocked(spare: Float = 1e3) -> [Float] {
            let lanes = Int(CK_LANES)
            var result = [Float](repeating: spare, count: (channels + lanes - 1) / lanes * height * width * lanes)
            for channel in 0..<channels {
                for pixel in 0..<height * width {
                    result[((channel / lanes) * height * width + pixel) * lanes + channel % lanes] =
                        values[channel * height * width + pixel]
                }
            }
            return result
        }

        init(blocked: [Float], channels: Int, height: Int, width: Int) {
            self.init(channels: channels, height: height, width: width)
            let lanes = Int(CK_LANES)
            for channel in 0..<channels {
                for pixel in 0..<height * width {
                    values[channel * height * width + pixel] =
                        blocked[((channel / lanes) * height * width + pixel) * lanes + channel % lanes]
                }
            }
        }
    }

    static func activate(_ x: Float, _ activation: ck_activation) -> Float {
        switch activation {
        case CK_RELU: max(x, 0)
        case CK_HARD_SWISH: x * min(max(x + 3, 0), 6) / 6
        case CK_HARD_SIGMOID: min(max(x + 3, 0), 6) / 6
        default: x
        }
    }

    /// Grouped convolution with zero padding; weights `[out][in / groups][k][k]`.
    static func convolution(
        _ input: Map, weights: [Float], outputs: Int, kernel: Int, stride: Int, padding: Int, groups: Int
    ) -> Map {
        let height = (input.height + 2 * padding - kernel) / stride + 1
        let width = (input.width + 2 * padding - kernel) / stride + 1
        var output = Map(channels: outputs, height: height, width: width)
        let perGroup = input.channels / groups
        for out in 0..<outputs {
            let firstInput = out / (outputs / groups) * perGroup
            for row in 0..<height {
                for column in 0..<width {
                    var sum = 0.0
                    for channel in 0..<perGroup {
                        for ky in 0..<kernel {
                            for kx in 0..<kernel {
                                let (y, x) = (row * stride - padding + ky, column * stride - padding + kx)
                                guard (0..<input.height).contains(y), (0..<input.width).contains(x) else { continue }
                                let weight = weights[((out * perGroup + channel) * kernel + ky) * kernel + kx]
                                sum += Double(weight) * Double(input[firstInput + channel, y, x])
                            }
                        }
                    }
                    output[out, row, column] = Float(sum)
                }
            }
        }
        return output
    }
}
