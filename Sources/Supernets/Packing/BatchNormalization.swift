import Engine

/// Batch normalisation over the widest form of a layer; a subnet uses the first channels.
struct BatchNormalization: Sendable {
    static let epsilon: Float = 1e-5

    let name: String
    let weight: [Float]
    let bias: [Float]
    /// What the checkpoint happens to hold: the statistics of whichever subnet ran last in training.
    let checkpointStatistics: SubnetStatistics.Layer

    /// Scale and shift of the first channels under these statistics.
    func epilogue(_ statistics: SubnetStatistics.Layer, channels: Int) -> Epilogue {
        precondition(channels <= weight.count && statistics.mean.count >= channels, "\(name): \(channels) channels")
        var scale: [Float] = []
        var shift: [Float] = []
        for channel in 0..<channels {
            let factor = weight[channel] / (statistics.variance[channel] + Self.epsilon).squareRoot()
            scale.append(factor)
            shift.append(bias[channel] - statistics.mean[channel] * factor)
        }
        return Epilogue(scale: scale, shift: shift)
    }
}
