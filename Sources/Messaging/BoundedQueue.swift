/// First in, first out, with a fixed number of places.
struct BoundedQueue<Element> {
    let limit: Int
    private var places: [Element?] = []
    private var start = 0
    private(set) var count = 0

    init(limit: Int) {
        precondition(limit > 0, "a queue needs a place")
        self.limit = limit
    }

    var isEmpty: Bool { count == 0 }

    /// `false` when every place is taken.
    mutating func append(_ element: Element) -> Bool {
        guard makePlace() else { return false }
        places[(start + count) % places.count] = element
        count += 1
        return true
    }

    /// Puts back what `popFirst` gave; `false` when its place has been taken.
    mutating func prepend(_ element: Element) -> Bool {
        guard makePlace() else { return false }
        start = (start + places.count - 1) % places.count
        places[start] = element
        count += 1
        return true
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        defer {
            places[start] = nil
            start = (start + 1) % places.count
            count -= 1
        }
        return places[start]
    }

    private mutating func makePlace() -> Bool {
        guard count == places.count else { return true }
        guard count < limit else { return false }
        let ordered = (0..<count).map { places[(start + $0) % count] }
        let size = min(limit, max(16, count * 2))
        places = ordered + [Element?](repeating: nil, count: size - count)
        start = 0
        return true
    }
}
