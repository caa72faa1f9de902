import Engine
import Graphs
import Packages

/// The calls that a pickle may make, each understood as data.
extension PickleInterpreter {
    /// `REDUCE`: a function is applied to a tuple.
    mutating func reduce() throws(ReadingFailure) {
        guard let arguments = pickle.items(try pop(), of: .tuple) else {
            throw ReadingFailure("the pickle calls something without a tuple of arguments")
        }
        guard case .global(let global) = try pop() else {
            throw ReadingFailure("the pickle calls a value that is not a function")
        }
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw ReadingFailure("the pickle makes an OrderedDict from arguments") }
            try pushContainer(.orderedDictionary, [])
        case .rebuildTensor:
            try pushTensor(try tensor(arguments))
        case .rebuildParameter:
            guard case .tensor? = arguments.first else {
                throw ReadingFailure("the pickle makes a parameter from a value that is not a tensor")
            }
            try push(arguments[0])
        case .storage(let type):
            throw ReadingFailure("the pickle calls torch.\(type.storageName)")
        }
    }

    /// `BUILD`: attributes of an object. Only the `_metadata` of a state dictionary is known, which says nothing
    /// about the weights.
    mutating func build() throws(ReadingFailure) {
        let state = try pop()
        guard pickle.kind(of: try top()) == .orderedDictionary, pickle.kind(of: state)?.isDictionary == true else {
            throw ReadingFailure("the pickle sets attributes of a value that is not an OrderedDict")
        }
    }

    /// `BINPERSID`: `("storage", type, key, location, element count)`, in the older stream with a view at the end.
    /// The location (`cpu`, `cuda:0`) is where the tensor lived when it was saved, and is not looked at.
    mutating func pushStorage() throws(ReadingFailure) {
        guard let fields = pickle.items(try pop(), of: .tuple), fields.count == 5 || fields.count == 6,
            fields[0] == .string("storage"), case .global(.storage(let type)) = fields[1],
            case .string(let key) = fields[2], case .string = fields[3], case .int(let count) = fields[4], count >= 0
        else { throw ReadingFailure("the pickle refers to a storage in an unknown way") }
        guard fields.count == 5 || fields[5] == .none else {
            throw ReadingFailure("storage \(key.printable) is a view of another storage, which is not read")
        }
        guard count <= reader.bytes.count / type.size else {
            throw ReadingFailure(
                "storage \(key.printable) claims \(count) elements of \(type.size) bytes, more than the file holds")
        }
        guard pickle.storages.count < Self.valueLimit else {
            throw ReadingFailure("the pickle refers to more than \(Self.valueLimit) storages")
        }
        pickle.storages.append(StorageReference(key: key, type: type, count: count))
        try push(.storage(pickle.storages.count - 1))
    }

    private mutating func pushTensor(_ tensor: TensorReference) throws(ReadingFailure) {
        guard pickle.tensors.count < Self.valueLimit else {
            throw ReadingFailure("the pickle holds more than \(Self.valueLimit) tensors")
        }
        pickle.tensors.append(tensor)
        try push(.tensor(pickle.tensors.count - 1))
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks[, metadata])`.
    private func tensor(_ arguments: [PickleValue]) throws(ReadingFailure) -> TensorReference {
        guard arguments.count == 6 || arguments.count == 7,
            case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
            let shape = integers(arguments[2]), let strides = integers(arguments[3])
        else { throw ReadingFailure("the pickle makes a tensor from unknown arguments") }
        return TensorReference(storage: pickle.storages[storage], offset: offset, shape: shape, strides: strides)
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard let items = pickle.items(value, of: .tuple), items.count <= TensorPackage.rankLimit else { return nil }
        let integers = items.compactMap { if case .int(let value) = $0 { value } else { nil as Int? } }
        return integers.count == items.count ? integers : nil
    }
}
