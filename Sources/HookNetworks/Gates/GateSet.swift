/// The gates of a cascade, ready to run, replaced all at once.
final class GateSet {
    let gates: [CompiledGate?]

    init(_ gates: [Gate?]) { self.gates = gates.map { $0.map(CompiledGate.init) } }
}
