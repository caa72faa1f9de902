import ArgumentParser
import Datasets
import Engine
import FleetListings
import Fusion
import HookNetworks
import PlanEvaluation
import PostTrainingQuantization
import ProgressLines

struct HooksStudyBitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study-bits", abstract: "Simulate 8 to 2 bits, convolution by convolution.",
        discussion: """
            Rounds weights and the maps that they multiply between kernels of 32 bits: each convolution alone at every \
            width, the whole network at every width, and mixed widths, greedily from 8 bits down. Damage is the total \
            variation distance from the plain network's answers. For study: nothing is computed faster.
            """)

    @Argument(help: "The network package.")
    var package: String
    @Option(parsing: .upToNextOption, help: "Images to compare on.")
    var images: [String]
    @Option(parsing: .upToNextOption, help: "Their labels, where the images' files have none.")
    var labels: [String] = []
    @Option(help: "Leave out the first images.")
    var skip = 0
    @Option(help: "Use only so many images.")
    var limit: Int?
    @Option(help: "Of these, how many for single convolutions.")
    var layerImages = 100
    @Option(parsing: .upToNextOption, help: "Images to measure the ranges of maps on.")
    var calibrate: [String]
    @Option(help: "How many of these to use.")
    var calibrationImages = EightBitNetworks.imageCount
    @OptionGroup var calibration: CalibrationOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard skip >= 0, limit.map({ $0 > 0 }) ?? true, layerImages > 0, calibrationImages > 0 else {
            throw ValidationError("--skip: give at least 0; --limit, --layer-images, --calibration-images: 1")
        }
    }

    func run() async throws { try await refusing { try study() } }

    private func study() throws {
        let loaded = try HookedPackage(package)
        let calibrating = try HookStream(loaded, images: calibrate, labels: [], skip: 0, limit: calibrationImages)
        let stream = try HookStream(loaded, images: images, labels: labels, skip: skip, limit: limit)
        let network = try loaded.fusedNetwork()
        let preprocessor = try loaded.preprocessor(for: calibrating.images, file: calibrate[0])
        let (gains, ranges) = try Quantizing.ranges(
            network, path: package, on: calibrating.images, file: calibrate[0], preprocessor, calibration.method)
        do {
            let study = try BitWidthStudy(
                network.equalized(by: gains), ranges, kernels: loaded.kernels, count: stream.images.count,
                labels: stream.images.labels, images: { stream.image($0) }, distance: Divergence.totalVariation)
            let (runs, count) = (study.places.count * BitWidthStudy.widths.count, stream.images.count)
            let progress = Progress("Rounding", total: runs)
            try show(study.summary(images: count, layerImages: layerImages) { progress.update($0) })
        } catch { throw Refusal("\(package): \(error)") }
    }

    private func show(_ summary: BitWidthStudy.Summary) throws {
        guard format.format == .table else { return try format.print(summary) }
        let widths = BitWidthStudy.widths.reversed().map { "\($0)" }
        var table = TextTable(["DAMAGE AT BITS"] + widths)
        for one in summary.convolutions {
            table.add([one.operator] + widths.map { one.byBits[$0]?.damage.text(4) ?? "-" })
        }
        table.add(["whole network"] + widths.map { summary.network[$0]?.damage.text(4) ?? "-" })
        Terminal.print(table.text)
        var curve = TextTable(["MEAN BITS", "", "TOP-1 %", "AGREES %", "DAMAGE"])
        func add(_ bits: String, _ kind: String, _ result: BitWidthStudy.Result) {
            curve.add([
                bits, kind, result.top1.map { (100 * $0).text(2) } ?? "-", (100 * result.agreement).text(2),
                result.damage.text(4),
            ])
        }
        add("32", "plain", summary.plain)
        for width in widths { if let result = summary.network[width] { add(width, "same everywhere", result) } }
        for one in summary.mixed { add(one.meanBits.text(2), "mixed", one.result) }
        Terminal.print(curve.text)
        Terminal.print("\(summary.images) images, of these \(summary.layerImages) for single convolutions")
    }
}
