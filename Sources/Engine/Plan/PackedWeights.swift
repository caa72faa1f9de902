import Synchronization

/// Weights of a network in the forms that its plans read, each packed once however many plans there are: plans that
/// differ in the precision of layers share them, and a switch between such plans moves nothing.
///
/// Plans keep alive what they read.
public final class PackedWeights: Sendable {
    private struct Key: Hashable {
        let layer: String
        let element: MapElement
    }

    private struct Forms {
        var dense: [Key: DenseConvolution] = [:]
        var packed: [Key: PackedConvolution] = [:]
        var quantized: [String: QuantizedConvolution] = [:]
    }

    /// Two plans of one network may be made at once.
    private let forms = Mutex(Forms())

    public init() {}

    /// Of all forms so far.
    public var byteCount: Int {
        forms.withLock { forms in
            forms.dense.values.reduce(0) { $0 + $1.byteCount } + forms.packed.values.reduce(0) { $0 + $1.byteCount }
                + forms.quantized.values.reduce(0) { $0 + $1.weights.byteCount + $1.start.byteCount }
        }
    }

    func dense(_ layer: String, _ element: MapElement, _ make: () -> DenseConvolution) -> DenseConvolution {
        forms.withLock { Self.find(&$0.dense, Key(layer: layer, element: element), make) }
    }

    /// - Parameters:
    ///   - run: of rows that belong together in bfloat16; all of them without it.
    ///   - make: packs floats.
    func packed(
        _ layer: String, _ element: MapElement = .float32, run: Int? = nil, _ make: () -> PackedConvolution
    ) -> PackedConvolution {
        forms.withLock { forms in
            Self.find(&forms.packed, Key(layer: layer, element: element)) {
                element == .bfloat16 ? make().bfloat16(run: run) : make()
            }
        }
    }

    func quantized(_ layer: String, _ make: () -> QuantizedConvolution) -> QuantizedConvolution {
        forms.withLock { Self.find(&$0.quantized, layer, make) }
    }

    private static func find<Key, Form>(_ forms: inout [Key: Form], _ key: Key, _ make: () -> Form) -> Form {
        if let form = forms[key] { return form }
        let form = make()
        forms[key] = form
        return form
    }
}
