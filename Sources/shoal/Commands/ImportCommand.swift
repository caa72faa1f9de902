import ArgumentParser
import Engine
import Foundation
import Graphs
import ModelImport
import SearchSpace
import Supernets

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint or a network into a package.",
        discussion: """
            Reads PyTorch checkpoints of OFA-MobileNetV3 supernets, both file formats and both spellings of tensor \
            names, and networks in ONNX format (.onnx), opsets 7 to 21. Nothing in a file is ever executed.
            """)

    @Argument(help: "The checkpoint (.pth) or network (.onnx).")
    var file: String
    @Option(help: "JSON with what the file does not say; not needed for the public ImageNet supernets.")
    var config: String?
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
        var packedBytes: Int
    }

    func run() async throws {
        try await refusing {
            try OutputFile.check(output, isNoneOf: [file, config])
            if file.hasSuffix(".onnx") { return try importNetwork() }
            let package = try SupernetImporter.importCheckpoint(path: file, configPath: config)
            let supernet: PackedSupernet
            do { supernet = try PackedSupernet(package) } catch { throw Refusal("\(file): \(error)") }
            let largest = supernet.space.largest
            let plan = try supernet.plan(
                largest, statistics: supernet.checkpointStatistics(for: largest), kernels: try KernelSet.selected())
            try package.write(to: output)
            try show(package, supernet, plan)
        }
    }

    private struct NetworkSummary: Encodable {
        var kind: String
        var parameters: Int
        var operators: Int
        var name: String
        var weightsSHA256: String
        var fileBytes: Int
    }

    private func importNetwork() throws {
        let network = NetworkPackage(
            graph: try ONNXImporter.read(from: file),
            configuration: try config.map { try NetworkConfigurationFile.read(from: $0) } ?? NetworkConfiguration())
        let package: TensorPackage
        do { package = try network.package() } catch { throw Refusal("\(file): \(error)") }
        try package.write(to: output)
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        let summary = NetworkSummary(
            kind: package.kind, parameters: network.parameterCount, operators: network.graph.nodes.count,
            name: network.graph.name, weightsSHA256: package.weightsSHA256, fileBytes: size)
        guard format.format == .table else { return try Terminal.json(summary) }
        Terminal.print(
            """
            \(output): \(summary.kind) \(summary.name), \(summary.parameters) parameters, \
            \(summary.operators) operators, \(size) bytes
            """)
    }

    private func show(_ package: TensorPackage, _ supernet: PackedSupernet, _ plan: Plan) throws {
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        // Running statistics are measured, not learnt.
        let learnt = package.tensors.filter { !$0.key.contains(".running_") }
        let summary = Summary(
            kind: package.kind, parameters: learnt.values.reduce(0) { $0 + $1.count },
            operators: plan.operations.count, name: supernet.architecture.name,
            weightsSHA256: package.weightsSHA256, fileBytes: size, packedBytes: supernet.packedBytes)
        guard format.format == .table else { return try Terminal.json(summary) }
        Terminal.print(
            """
            \(output): \(summary.kind) \(summary.name), \(summary.parameters) parameters, \
            \(summary.operators) operators at full depth, \(size) bytes
            """)
    }
}
