public import Engine
import Foundation
public import SearchSpace

/// A supernet whose weights were packed once, in the order in which the kernels read them.
///
/// OFA sorts channels by importance, so every subnet is a prefix: fewer panels (expand), shorter panels (project),
/// the first blocks of a stage (depth), one of the pre-computed depthwise kernels. Batch normalisation stays out of
/// the weights: a subnet owns its scales and shifts and a plan, nothing else.
public final class PackedSupernet: Sendable {
    public let architecture: SupernetArchitecture
    public let space: SearchSpace
    let widths: SupernetArchitecture.Widths
    let stem: PackedConvolution
    let stemNormalization: BatchNormalization
    /// The fixed first block, then every position at full depth.
    let blocks: [PackedBlock]
    let finalExpand: PackedConvolution
    let finalExpandNormalization: BatchNormalization
    let featureMix: PackedConvolution
    let classifier: PackedConvolution
    let classifierBias: [Float]

    public var classCount: Int { widths.classes }

    /// Bytes of packed weights.
    public var packedBytes: Int {
        stem.byteCount + blocks.reduce(0) { $0 + $1.byteCount } + finalExpand.byteCount + featureMix.byteCount
            + classifier.byteCount
    }

    /// - Throws: `SupernetRefusal` when the package is of another kind, or a tensor is missing or misshapen.
    public init(_ package: TensorPackage) throws(SupernetRefusal) {
        guard package.kind == "supernet" else { throw .wrongKind(expected: "supernet", found: package.kind) }
        architecture = try Self.architecture(of: package)
        guard let widths = architecture.widths else { throw .manifest(reason: "widths are missing") }
        guard widths.stages.count == architecture.strides.count else {
            throw .manifest(reason: "\(widths.stages.count) widths for \(architecture.strides.count) stages")
        }
        self.widths = widths
        space = architecture.searchSpace
        let source = TensorSource(tensors: package.tensors)
        let lastWidth = widths.stages[widths.stages.count - 1]
        stem = PackedConvolution(
            weight: try source.values(
                "first_conv.conv.weight", shape: [widths.stem, architecture.inputChannels, 3, 3]),
            outputChannels: widths.stem, rows: 9 * architecture.inputChannels)
        stemNormalization = try source.normalization("first_conv.bn", channels: widths.stem)
        var blocks = [try PackedBlock(firstBlockOf: widths, from: source)]
        for position in 0..<space.positionCount {
            blocks.append(try PackedBlock(position: position, of: architecture, widths: widths, from: source))
        }
        self.blocks = blocks
        finalExpand = try source.pointwise(
            "final_expand_layer.conv.weight", from: lastWidth, to: widths.finalExpand)
        finalExpandNormalization = try source.normalization("final_expand_layer.bn", channels: widths.finalExpand)
        featureMix = try source.pointwise(
            "feature_mix_layer.conv.weight", from: widths.finalExpand, to: widths.featureMix)
        classifier = PackedConvolution(
            weight: try source.values("classifier.linear.weight", shape: [widths.classes, widths.featureMix]),
            outputChannels: widths.classes, rows: widths.featureMix)
        classifierBias = try source.values("classifier.linear.bias", shape: [widths.classes])
    }

    private static func architecture(of package: TensorPackage) throws(SupernetRefusal) -> SupernetArchitecture {
        do {
            let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(package.manifest))
            try architecture.validate()
            return architecture
        } catch let refusal as ArchitectureRefusal {
            throw .manifest(reason: refusal.description)
        } catch {
            throw .manifest(reason: "is not the description of a supernet")
        }
    }
}
