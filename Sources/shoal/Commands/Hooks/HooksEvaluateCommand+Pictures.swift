import Foundation
import HookNetworks
import HookPictures

/// What --plot and --bars write.
extension HooksEvaluateCommand {
    func skipPlot(_ summary: Summary, _ state: HookState) -> SkipPlot {
        SkipPlot(
            title: "\(URL(filePath: package).lastPathComponent): how often each decision is taken",
            places: state.hooks.indices.map { label(of: $0, in: state) },
            budgets: summary.curve.map { ($0.budget < 0 ? "off" : "\($0.budget)", $0.skipRatioByHook) })
    }

    /// There is room for so many letters below the axis.
    private static let labelLength = 16

    /// What a decision leaves out, or what damage its masks do; of networks that answer in place of the largest, which.
    private func label(of index: Int, in state: HookState) -> String {
        let hook = state.hooks[index]
        let (kind, parts) = (hook.point.kind, hook.point.parts)
        if index < state.smaller.count, kind == .model || kind == .bits {
            guard let package = state.smaller[index].package else { return "subnet \(index)" }
            return String(URL(filePath: package).lastPathComponent.suffix(Self.labelLength))
        }
        switch kind {
        case .model, .bits: return String(hook.point.operator.prefix(Self.labelLength))
        case .exit: return "exit at \(parts.lowerBound)"
        case .channel, .point:
            return hook.expectedDamage.map { "\(kind.rawValue), \($0.text(3))" } ?? kind.rawValue
        case .skip:
            return parts.count == 1
                ? "skip \(parts.lowerBound)" : "skip \(parts.lowerBound)-\(parts.upperBound - 1)"
        }
    }

    func write(_ path: String, _ svg: String) throws {
        do { try Data(svg.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
            throw Refusal("\(path): cannot be written: \(error.localizedDescription)", .environment)
        }
    }
}

extension CurvePlot {
    init(_ summary: HooksEvaluateCommand.Summary, named path: String) {
        func series(_ name: String, _ curve: [HooksEvaluateCommand.Summary.Point], hasLabels: Bool = false) -> Series {
            let told = curve.filter { $0.top1 != nil }
            return Series(
                name, points: told.map { ($0.latencyRatio, 100 * ($0.top1 ?? 0)) }, isLine: true,
                labels: hasLabels ? told.map { $0.budget < 0 ? "off" : "\($0.budget)" } : [])
        }
        let baseline = 100 * (summary.baselineTop1 ?? 0)
        let kinds = summary.curveByKind.sorted { $0.key < $1.key }.map { series("\($0.key) alone", $0.value) }
        self.init(
            title: "\(URL(filePath: path).lastPathComponent): accuracy over latency", baseline: baseline,
            series: [series("with hooks, by budget", summary.curve, hasLabels: true)] + kinds
                + [Series("plain network", points: [(1, baseline)], isLine: false)])
    }
}
