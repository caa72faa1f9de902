import ArgumentParser
import Engine
import Foundation
import Graphs
import ModelImport
import Packages
import SearchSpace
import Shoal
import Supernets

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint or a network into a package.",
        discussion: """
            Reads PyTorch checkpoints of OFA-MobileNetV3 supernets, both file formats and both spellings of tensor \
            names, networks in ONNX format (.onnx), opsets 7 to 21, and Darknet networks (.cfg with .weights). A \
            network reads one image at a time, of any height and width; others are refused. \
            Nothing in a file is ever executed.
            """)

    @Argument(help: "The checkpoint (.pth) or network (.onnx, .cfg).")
    var file: String
    @Option(help: "JSON with what the file does not say; not needed for the public ImageNet supernets.")
    var config: String?
    @Option(help: "The weights of a Darknet network; without it the .weights file beside the .cfg.")
    var weights: String?
    @Option(name: .shortAndLong, help: "The package to write.")
    var output: String
    @OptionGroup var format: FormatOptions

    private struct Summary: Encodable {
        var kind: String
        var parameters: Int
        var operators: Int
        var name: String
        var weightsSHA256: String
        var fileBytes: Int
        var inputs: [GraphInput]?
        var packedBytes: Int?
    }

    private var isDarknet: Bool { file.lowercased().hasSuffix(".cfg") }

    func validate() throws {
        guard weights == nil || isDarknet else { throw ValidationError("--weights: goes with a Darknet .cfg") }
    }

    func run() async throws {
        try await refusing("importing") {
            try OutputFile.checkFolder(of: output)
            try OutputFile.check(output, isNoneOf: [file, config, weights])
            if file.lowercased().hasSuffix(".onnx") { return try importNetwork(try ONNXImporter.read(from: file)) }
            if isDarknet {
                let beside = file.dropLast(".cfg".count) + ".weights"
                let graph = try DarknetImporter.read(configuration: file, weights: weights ?? String(beside))
                return try importNetwork(graph)
            }
            if FileManager.default.fileExists(atPath: file), let refusal = OtherFormats.refusal(of: file) {
                throw refusal
            }
            let package = try SupernetImporter.importCheckpoint(path: file, configPath: config)
            let supernet: PackedSupernet
            do { supernet = try PackedSupernet(package) } catch { throw Refusal("\(file): \(error)") }
            let largest = supernet.space.largest
            let plan = try supernet.plan(
                largest, statistics: supernet.checkpointStatistics(for: largest), kernels: try KernelSet.selected())
            try OutputFile.writing { try package.write(to: output) }
            try show(package, supernet, plan)
        }
    }

    private func importNetwork(_ graph: Graph) throws {
        for field in config.map(NetworkConfigurationFile.unknownFields) ?? [] {
            Terminal.note("shoal: warning: \(config ?? ""): nothing reads the field \(field.prefix(64))")
        }
        let network = NetworkPackage(
            graph: graph,
            configuration: try config.map { try NetworkConfigurationFile.read(from: $0) } ?? NetworkConfiguration())
        try LoadedNetwork(network, path: file).checkInput()
        if let config { try LoadedNetwork(network, path: config).checkConfiguration() }
        try checkNodes(network)
        let package: TensorPackage
        do { package = try network.package() } catch { throw Refusal("\(file): \(error)") }
        try OutputFile.writing { try package.write(to: output) }
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        let summary = Summary(
            kind: package.kind, parameters: network.parameterCount, operators: network.graph.nodes.count,
            name: network.graph.name, weightsSHA256: package.weightsSHA256, fileBytes: size,
            inputs: network.graph.inputs)
        guard format.format == .table else { return try format.print(summary) }
        Terminal.print(
            """
            \(output): \(summary.kind) \(summary.name), \(summary.parameters) parameters, \
            \(summary.operators) operators, \(size) bytes; reads \(network.graph.inputs.map(\.description).joined())
            """)
    }

    /// Refuses nodes that contradict each other where the sizes are known already: not only when it runs.
    private func checkNodes(_ network: NetworkPackage) throws {
        let isOpen = network.graph.inputs.contains { input in
            input.dimensions.dropFirst().contains { if case .fixed = $0 { false } else { true } }
        }
        guard !isOpen else { return }
        let bound: BoundGraph
        do { bound = try BoundGraph(network.graph, sizes: BoundGraph.Sizes(others: 1)) } catch {
            throw Refusal("\(file): \(error)")
        }
        let labels = network.configuration.labels?.count
        if let labels, let output = bound.graph.outputs.first, let count = bound.types[output]?.count, labels != count {
            Terminal.note("shoal: warning: \(config ?? file): \(labels) labels for \(count) outputs")
        }
    }

    private func show(_ package: TensorPackage, _ supernet: PackedSupernet, _ plan: Plan) throws {
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        let summary = Summary(
            kind: package.kind, parameters: package.parameterCount,
            operators: plan.operations.count, name: supernet.architecture.name,
            weightsSHA256: package.weightsSHA256, fileBytes: size, packedBytes: supernet.packedBytes)
        guard format.format == .table else { return try format.print(summary) }
        Terminal.print(
            """
            \(output): \(summary.kind) \(summary.name), \(summary.parameters) parameters, \
            \(summary.operators) operators at full depth, \(size) bytes
            """)
    }
}
