package import AdminAPI

/// What similar classes lend to one that measured little itself, as text for people.
package enum TransferReport {
    static func origin(_ view: LatencyTransferView) -> String {
        let lent = view.sources.map { "\($0.boardClass) \(number($0.weight, 2))" }
        return lent.isEmpty ? "its own measurements" : "its own measurements and \(lent.joined(separator: ", "))"
    }

    package static func lines(_ view: LatencyTransferView) -> [String] {
        var lines = [
            "",
            "transfer     \(view.isUsed ? "used" : "not used yet"): "
                + "\(view.measured) of \(view.wanted) subnets measured on request",
        ]
        lines += view.sources.map { source in
            let spread = source.spread.map { "strays \(number(100 * $0, 1)) %" } ?? "not compared yet"
            return "source       \(source.boardClass), engine \(source.engineVersion): weight "
                + "\(number(source.weight, 2)), \(spread), \(source.measurements) subnets, \(source.shared) shared; "
                + "boards \(source.boards.joined(separator: ", "))"
        }
        if view.sources.isEmpty { lines.append("source       no other class has measured this supernet") }
        if let refusal = view.refusal { return lines + ["none         \(refusal)"] }
        return lines + [
            "margin       \(percent(view.relativeMargin)) % of the middle subnet, stated to hold "
                + "\(percent(view.statedCoverage)) %",
            "checked      \(view.within) of \(view.checked) measurements that the fit had not seen are within"
                + (view.medianRelativeError.map { ", median error \(percent($0)) %" } ?? ""),
        ]
    }
}
