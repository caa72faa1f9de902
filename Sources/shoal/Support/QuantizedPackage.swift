import Engine

extension Plan {
    /// A package is computed in 8 bits if its network rounds to them, whether or not that was asked for.
    /// - Throws: `Refusal` where int8 was asked for and the network does not round, or bf16 and it does.
    func checked(for precision: Precision, of package: String) throws -> Plan {
        guard precision != .int8 || self.precision == .int8 else {
            throw Refusal("\(package): is not in 8 bits; import a network that is, or make one with shoal quantize")
        }
        guard precision != .bf16 || self.precision != .int8 else {
            throw Refusal("\(package): is in 8 bits, not for --precision bf16")
        }
        return self
    }
}
