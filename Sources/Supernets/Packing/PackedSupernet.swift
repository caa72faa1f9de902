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
    /// Of the plans that it makes; fp32 or bf16.
    public let precision: Precision

    public var classCount: Int { widths.classes }

    /// Bytes of packed weights.
    public var packedBytes: Int {
        stem.byteCount + blocks.reduce(0) { $0 + $1.byteCount } + finalExpand.byteCount + featureMix.byteCount
            + classifier.byteCount
    }

    /// - Throws: `SupernetRefusal` when the package is of another kind, or a tensor is missing or misshapen.
    public convenience init(_ package: TensorPackage) throws(SupernetRefusal) {
        let architecture = try Self.architecture(kind: package.kind, manifest: package.manifest)
        let tensors = package.tensors
        try self.init(architecture, from: WeightSource { (name) throws(PackageFailure) in tensors[name] })
    }

    init(_ architecture: SupernetArchitecture, from source: WeightSource) throws(SupernetRefusal) {
        guard let widths = architecture.widths else { throw .manifest(reason: "widths are missing") }
        guard widths.stages.count == architecture.strides.count else {
            throw .manifest(reason: "\(widths.stages.count) widths for \(architecture.strides.count) stages")
        }
        self.architecture = architecture
        self.widths = widths
        precision = .fp32
        space = architecture.searchSpace
        let lastWidth = widths.stages[widths.stages.count - 1]
        let stemShape = [widths.stem, architecture.inputChannels, 3, 3]
        stem = try source.convolution(
            "first_conv.conv.weight", outputChannels: widths.stem, rows: 9 * architecture.inputChannels
        ) { () throws(SupernetRefusal) in try source.weights("first_conv.conv.weight", shape: stemShape) }
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
        let classifierShape = [widths.classes, widths.featureMix]
        classifier = try source.convolution(
            "classifier.linear.weight", outputChannels: widths.classes, rows: widths.featureMix
        ) { () throws(SupernetRefusal) in try source.weights("classifier.linear.weight", shape: classifierShape) }
        classifierBias = try source.vector("classifier.linear.bias", count: widths.classes)
    }

    /// The same supernet with its weights as bfloat16; the first layer, which reads the image, keeps floats.
    /// - Precondition: the precision is fp32.
    public func bfloat16() -> PackedSupernet { PackedSupernet(narrowing: self) }

    private init(narrowing source: PackedSupernet) {
        precondition(source.precision == .fp32, "narrowed already")
        precision = .bf16
        (architecture, space, widths) = (source.architecture, source.space, source.widths)
        (stem, stemNormalization) = (source.stem, source.stemNormalization)
        blocks = source.blocks.map { $0.bfloat16() }
        finalExpand = source.finalExpand.bfloat16()
        finalExpandNormalization = source.finalExpandNormalization
        featureMix = source.featureMix.bfloat16()
        classifier = source.classifier.bfloat16()
        classifierBias = source.classifierBias
    }

    /// - Throws: `SupernetRefusal` when the package is of another kind or the manifest describes no supernet.
    static func architecture(kind: String, manifest: [UInt8]) throws(SupernetRefusal) -> SupernetArchitecture {
        guard kind == "supernet" else { throw .wrongKind(expected: "supernet", found: kind) }
        do {
            let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(manifest))
            try architecture.validate()
            return architecture
        } catch let refusal as ArchitectureRefusal {
            throw .manifest(reason: refusal.description)
        } catch {
            throw .manifest(reason: "is not the description of a supernet")
        }
    }
}
