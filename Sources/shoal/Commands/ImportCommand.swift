import ArgumentParser
import Engine
import Foundation
import ModelImport
import SearchSpace
import Supernets

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint into a package.",
        discussion: """
            Reads PyTorch checkpoints of OFA-MobileNetV3 supernets, both file formats and both spellings of tensor \
            names. Nothing in a checkpoint is ever executed.
            """)

    @Argument(help: "The checkpoint (.pth).")
    var file: String
    @Option(help: "JSON with what the weights do not say; not needed for the public ImageNet supernets.")
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

    private func show(_ package: TensorPackage, _ supernet: PackedSupernet, _ plan: Plan) throws {
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        let summary = Summary(
            kind: package.kind, parameters: package.parameterCount,
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
