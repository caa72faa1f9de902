/// The widths of the published ImageNet supernets, as their checkpoints' tensors have them.
extension SupernetArchitecture {
    /// `ofa_mbv3_d234_e346_k357_w1.0`.
    public static let imageNetMobileNetV3Width10 = imageNetMobileNetV3.with(
        Widths(
            stem: 16, firstBlock: 16, stages: [24, 40, 80, 112, 160], finalExpand: 960, featureMix: 1280, classes: 1000)
    )

    /// `ofa_mbv3_d234_e346_k357_w1.2`; the latency tables and the accuracy predictor of Dynamic-OFA belong to it.
    public static let imageNetMobileNetV3Width12 = imageNetMobileNetV3.with(
        Widths(
            stem: 24, firstBlock: 24, stages: [32, 48, 96, 136, 192], finalExpand: 1152, featureMix: 1536,
            classes: 1000))

    /// The same architecture with these widths.
    public func with(_ widths: Widths) -> SupernetArchitecture {
        var result = self
        result.widths = widths
        return result
    }
}
