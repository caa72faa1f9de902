import Engine

extension Plan {
    /// A package is computed in 8 bits if its network rounds to them, whether or not that was asked for.
    /// - Throws: `Refusal` where int8 was asked for and the network does not.
    func checked(for precision: String, of package: String) throws -> Plan {
        guard precision != Precision.int8.rawValue || self.precision == .int8 else {
            throw Refusal("\(package): is not in 8 bits; import a network that is, or make one with shoal quantize")
        }
        return self
    }
}
