/// What a pickle may hold. Containers live in a `Pickle`'s arena and are named by index, so that values that
/// contain themselves, share parts or nest deeply cost no recursion and no copies.
enum PickleValue: Equatable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer too wide for `Int`, as little-endian two's complement.
    case wideInt([UInt8])
    case float(Double)
    case string(String)
    case global(PickleGlobal)
    /// Index into `Pickle.containers`.
    case container(Int)
    /// Index into `Pickle.storages`.
    case storage(Int)
    /// Index into `Pickle.tensors`.
    case tensor(Int)
}

/// A tuple, list or dictionary; a dictionary's keys and values alternate.
struct PickleContainer: Equatable, Sendable {
    enum Kind: String, Sendable {
        case tuple
        case list
        case dictionary
        case orderedDictionary

        var isDictionary: Bool { self == .dictionary || self == .orderedDictionary }
    }

    let kind: Kind
    var items: [PickleValue]
}

/// The values that a pickle program left behind.
struct Pickle: Sendable {
    var root = PickleValue.none
    var containers: [PickleContainer] = []
    var storages: [StorageReference] = []
    var tensors: [TensorReference] = []

    /// Keys and values of a dictionary, or `nil` for any other value.
    func dictionary(_ value: PickleValue) -> [(key: PickleValue, value: PickleValue)]? {
        guard case .container(let index) = value, containers[index].kind.isDictionary else { return nil }
        let items = containers[index].items
        return stride(from: 0, to: items.count, by: 2).map { (items[$0], items[$0 + 1]) }
    }

    /// The kind of a container, or `nil` for any other value.
    func kind(of value: PickleValue) -> PickleContainer.Kind? {
        guard case .container(let index) = value else { return nil }
        return containers[index].kind
    }

    func items(_ value: PickleValue, of kind: PickleContainer.Kind) -> [PickleValue]? {
        guard case .container(let index) = value, containers[index].kind == kind else { return nil }
        return containers[index].items
    }
}

/// The only names that a pickle may call or refer to.
enum PickleGlobal: Hashable, Sendable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storage(StorageType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", _):
            guard let type = StorageType.allCases.first(where: { $0.storageName == name }) else { return nil }
            self = .storage(type)
        default: return nil
        }
    }
}

/// Element types of PyTorch storages.
enum StorageType: String, CaseIterable, Sendable {
    case float = "Float"
    case double = "Double"
    case half = "Half"
    case bfloat16 = "BFloat16"
    case long = "Long"
    case int = "Int"
    case short = "Short"
    case char = "Char"
    case byte = "Byte"
    case bool = "Bool"

    var storageName: String { rawValue + "Storage" }

    var size: Int {
        switch self {
        case .double, .long: 8
        case .float, .int: 4
        case .half, .bfloat16, .short: 2
        case .char, .byte, .bool: 1
        }
    }

    var isFloatingPoint: Bool {
        switch self {
        case .float, .double, .half, .bfloat16: true
        case .long, .int, .short, .char, .byte, .bool: false
        }
    }
}

/// A run of elements of one type that tensors look into.
struct StorageReference: Hashable, Sendable {
    let key: String
    let type: StorageType
    let count: Int
}

/// A view of a storage. Offset and strides count elements.
struct TensorReference: Hashable, Sendable {
    let storage: StorageReference
    let offset: Int
    let shape: [Int]
    let strides: [Int]
}
