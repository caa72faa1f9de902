/// What a checkpoint's pickle may consist of, and nothing else.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer of more than 64 bits, little-endian.
    case longInteger([UInt8])
    case float(Double)
    case text(String)
    case tuple([PickleValue], depth: Int)
    case list(PickleList)
    case dictionary(PickleDictionary)
    /// A name that may be called, or the type of a storage.
    case global(PickleGlobal)
    case storage(StorageReference)
    case tensor(TensorReference)

    /// Tuples inside tuples; bounds the recursion when a value is given up.
    var depth: Int { if case .tuple(_, let depth) = self { depth } else { 0 } }

    var int: Int? { if case .int(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var tuple: [PickleValue]? { if case .tuple(let values, _) = self { values } else { nil } }

    /// A tuple of integers, as sizes and strides are.
    var ints: [Int]? {
        guard let tuple else { return nil }
        let values = tuple.compactMap(\.int)
        return values.count == tuple.count ? values : nil
    }
}

final class PickleList {
    var values: [PickleValue] = []
}

final class PickleDictionary {
    var entries: [(key: PickleValue, value: PickleValue)] = []

    func value(for key: String) -> PickleValue? { entries.last { $0.key.text == key }?.value }
}

/// The only names that a checkpoint may mention.
enum PickleGlobal: String {
    case orderedDict = "collections.OrderedDict"
    case rebuildTensor = "torch._utils._rebuild_tensor_v2"
    case rebuildParameter = "torch._utils._rebuild_parameter"
    case floatStorage = "torch.FloatStorage"
    case doubleStorage = "torch.DoubleStorage"
    case halfStorage = "torch.HalfStorage"
    case bfloat16Storage = "torch.BFloat16Storage"
    case longStorage = "torch.LongStorage"
    case intStorage = "torch.IntStorage"
    case shortStorage = "torch.ShortStorage"
    case charStorage = "torch.CharStorage"
    case byteStorage = "torch.ByteStorage"
    case boolStorage = "torch.BoolStorage"

    /// Bytes of one element of a storage; `nil` for names that are not storages.
    var elementBytes: Int? {
        switch self {
        case .orderedDict, .rebuildTensor, .rebuildParameter: nil
        case .doubleStorage, .longStorage: 8
        case .floatStorage, .intStorage: 4
        case .halfStorage, .bfloat16Storage, .shortStorage: 2
        case .charStorage, .byteStorage, .boolStorage: 1
        }
    }

    var isFloatingPoint: Bool {
        [.floatStorage, .doubleStorage, .halfStorage, .bfloat16Storage].contains(self)
    }
}

struct StorageReference {
    let key: String
    let type: PickleGlobal
    let count: Int
}

struct TensorReference {
    let storage: StorageReference
    let offset: Int
    let sizes: [Int]
    let strides: [Int]
}
