/// A dictionary whose latest changes can be taken back, at a cost of the changes alone.
struct Journal<Key: Hashable, Value> {
    private var values: [Key: Value] = [:]
    private var changes: [(key: Key, before: Value?)] = []

    subscript(key: Key) -> Value? {
        get { values[key] }
        set {
            changes.append((key, values[key]))
            values[key] = newValue
        }
    }

    /// Keeps the changes so far.
    mutating func commit() { changes.removeAll(keepingCapacity: true) }

    /// Takes back the changes since the last commit.
    mutating func takeBack() {
        for change in changes.reversed() { values[change.key] = change.before }
        commit()
    }
}
