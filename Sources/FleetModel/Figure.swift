/// Writes numbers for people, the same everywhere and without a locale.
public enum Figure {
    /// The value rounded to at most `places` decimal places: `0.3`, not `0.30000000000000004`.
    /// - Precondition: `places` is 0...9.
    public static func text(_ value: Double, places: Int = 2) -> String {
        precondition((0...9).contains(places), "a figure has 0 to 9 decimal places")
        let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
        let rounded = (value * scale).rounded() / scale
        guard rounded.isFinite else { return "\(value)" }
        let text = "\(rounded)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// As `text`, with as many decimal places more as a value other than 0 needs to be told from it, by two digits.
    /// - Precondition: as for `text`.
    public static func shown(_ value: Double, places: Int = 2) -> String {
        let isTooSmall = value != 0 && Double(text(value, places: places)) == 0
        guard isTooSmall else { return text(value, places: places) }
        let least = (0...7).first { Double(text(value, places: $0)) != 0 }
        return least.map { text(value, places: $0 + 1) } ?? "\(value)"
    }

    /// A share in per cent: neither 0 nor 100 unless it is.
    public static func percent(_ share: Double) -> String {
        for places in 2...9 {
            let text = shown(share * 100, places: places)
            if text != "100" || share == 1 { return text }
        }
        return "\(share * 100)"
    }

    /// Two values that a sentence compares, with `places` decimal places, or as many as they need to differ and not to
    /// be written as 0.
    /// - Precondition: as for `text`.
    public static func texts(_ first: Double, _ second: Double, places: Int = 2) -> (first: String, second: String) {
        for places in places...9 {
            let texts = (shown(first, places: places), shown(second, places: places))
            if texts.0 != texts.1 || first == second { return texts }
        }
        return ("\(first)", "\(second)")
    }
}
