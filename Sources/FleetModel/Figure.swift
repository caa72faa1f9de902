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

    /// Two values that a sentence compares, with `places` decimal places, or as many as they need to differ.
    /// - Precondition: as for `text`.
    public static func texts(_ first: Double, _ second: Double, places: Int = 2) -> (first: String, second: String) {
        for places in places...9 {
            let texts = (text(first, places: places), text(second, places: places))
            if texts.0 != texts.1 || first == second { return texts }
        }
        return ("\(first)", "\(second)")
    }
}
