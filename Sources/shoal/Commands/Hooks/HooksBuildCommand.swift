import ArgumentParser
import Engine
import Foundation
import Graphs
import HookNetworks
import Shoal
import Supernets

struct HooksBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Find the places where gates can decide, and what each can save here.")

    @Argument(help: "The network package.")
    var package: String
    @Option(help: "A smaller network package for the same task, for the kind model.")
    var with: String?
    @Option(help: "Kinds of gates, separated by commas.")
    var kinds = "model"
    @Option(help: "Hook file to write.")
    var output: String
    @OptionGroup var format: FormatOptions

    func run() async throws { try await refusing { try build() } }

    private func parsedKinds() throws -> [GateKind] {
        let kinds = try kinds.split(separator: ",").map { name in
            guard let kind = GateKind(rawValue: String(name)) else {
                let known = GateKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal("--kinds \(name): is none of \(known)")
            }
            guard kind.row.isSupported else { throw Refusal("--kinds \(name): this version has no gates of this kind") }
            return kind
        }
        guard !kinds.isEmpty else { throw Refusal("--kinds: give at least one") }
        guard Set(kinds).count == kinds.count else { throw Refusal("--kinds \(self.kinds): names a kind twice") }
        guard kinds.count == 1 || kinds.allSatisfy(\.row.isWithinNetwork) else {
            throw Refusal("--kinds \(self.kinds): model decides between networks and needs a hook file of its own")
        }
        return kinds
    }

    private func build() throws {
        let kinds = try parsedKinds()
        try OutputFile.checkFolder(of: output)
        try OutputFile.check(output, isNoneOf: [package, with])
        let loaded = try HookedPackage(package)
        let state: HookState
        if kinds == [.model] {
            state = try buildModelLevel(loaded)
        } else {
            guard with == nil else { throw Refusal("--with: goes with the kind model") }
            state = try buildWithinNetwork(loaded, kinds)
        }
        do { try state.write(to: output) } catch { throw Refusal("\(error)", .environment) }
        try show(state)
    }

    private func buildModelLevel(_ loaded: HookedPackage) throws -> HookState {
        guard let with else { throw Refusal("--with: the kind model needs a smaller network for the same task") }
        let small = try HookedPackage(with)
        do { _ = try ModelCascade(small: small.plan, large: loaded.plan, gate: nil) } catch {
            throw Refusal("\(package), \(with): \(error)")
        }
        let point = AttachmentPoint(
            kind: .model, operator: loaded.loaded.network.graph.name, flops: loaded.plan.flops,
            microseconds: PlanTimer.measure(loaded.plan, repeats: 30).totalMilliseconds * 1_000, parts: 0..<0)
        return HookState(
            kinds: [.model], weightsSHA256: loaded.weightsSHA256, smallWeightsSHA256: small.weightsSHA256,
            smallPackage: URL(filePath: with).standardizedFileURL.path(percentEncoded: false),
            hooks: [HookState.Hook(point)])
    }

    private func buildWithinNetwork(_ loaded: HookedPackage, _ kinds: [GateKind]) throws -> HookState {
        let plan = try loaded.sections()
        let points = BlockPoints.find(kinds, in: plan, microseconds: PartTimer.measure(plan, repeats: 50))
        for kind in kinds where !points.contains(where: { $0.kind == kind }) {
            throw Refusal("\(package): has no place for gates of the kind \(kind.rawValue)")
        }
        return HookState(
            kinds: kinds, weightsSHA256: loaded.weightsSHA256, hooks: points.map { HookState.Hook($0) })
    }

    private struct Summary: Encodable {
        struct Point: Encodable {
            var kind: GateKind
            var `operator`: String
            var flops: Int
            var microseconds: Double
        }
        var attachmentPoints: [Point]
        var weightsSHA256: String
    }

    private func show(_ state: HookState) throws {
        let points = state.hooks.map(\.point)
        guard format.format == .table else {
            return try Terminal.json(
                Summary(
                    attachmentPoints: points.map {
                        .init(kind: $0.kind, operator: $0.operator, flops: $0.flops, microseconds: $0.microseconds)
                    }, weightsSHA256: state.weightsSHA256))
        }
        var table = TextTable(["KIND", "OPERATOR", "SAVES KFLOP", "SAVES US", "LEAVES OUT"])
        for point in points {
            table.add([
                point.kind.rawValue, point.operator, "\(point.flops / 1_000)", point.microseconds.text(1),
                point.kind.row.summary,
            ])
        }
        Terminal.print(table.text)
    }
}
