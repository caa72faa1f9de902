/// Which strings only name architectures, so that what stands where in them says nothing.
enum ArchitectureNames {
    /// How much further numbers may go than there are architectures.
    private static let numberedSpan = 4
    /// The fewest characters of a hash, and the fewest kinds of them.
    private static let hashLength = 6
    private static let hashAlphabet = 14
    /// The share of the kinds to be expected at one place that is there.
    private static let hashShare = 0.75

    static func areOnlyNames(_ architectures: [String], _ tokens: [[String]]) -> Bool {
        areNumbered(architectures) || areHashes(architectures) || areIdentifiers(tokens)
    }

    /// Whether the strings only number architectures, such as `net0` to `net299`: digits after one word for all (or
    /// after none), of which a good part of the numbers between stand there. Digits of one length after no word may be
    /// choices, unless they are a run of numbers without a gap that is not all there are.
    private static func areNumbered(_ architectures: [String]) -> Bool {
        let words = Set(architectures.map { String($0.prefix { !$0.isASCII || !$0.isNumber }) })
        guard words.count == 1, let word = words.first else { return false }
        let numbers = architectures.compactMap { Int($0.dropFirst(word.count)) }
        guard numbers.count == architectures.count, let least = numbers.min(), let most = numbers.max() else {
            return false
        }
        let lengths = Set(architectures.map(\.count))
        guard word.isEmpty, lengths.count == 1, let length = lengths.first else {
            return most - least < numberedSpan * numbers.count
        }
        let all = (0..<min(length, 18)).reduce(1) { product, _ in product * 10 }
        return numbers.count > 10 && most - least + 1 == numbers.count && numbers.count < all
    }

    /// Whether the strings are like hashes: of one length, after what all begin with, and at each place nearly as many
    /// kinds of letters and digits as if each were drawn from all that occur.
    private static func areHashes(_ architectures: [String]) -> Bool {
        guard let length = architectures.first?.count, architectures.allSatisfy({ $0.count == length }) else {
            return false
        }
        let lines = architectures.map { Array($0.lowercased()) }
        guard lines.allSatisfy({ $0.count == length }) else { return false }
        let kinds = (0..<length).map { place in Set(lines.map { $0[place] }) }.filter { $0.count > 1 }
        let alphabet = kinds.reduce(into: Set<Character>()) { $0.formUnion($1) }
        guard kinds.count >= hashLength, alphabet.count >= hashAlphabet, alphabet.contains(where: \.isLetter),
            alphabet.contains(where: \.isNumber), alphabet.allSatisfy({ $0.isLetter || $0.isNumber })
        else { return false }
        let size = Double(alphabet.count)
        let missing = exponential(Double(architectures.count) * logarithm(1 - 1 / size))
        return kinds.allSatisfy { Double($0.count) >= hashShare * size * (1 - missing) }
    }

    /// Whether each part is the same in all strings or hardly ever the same in two, as in `arch-0017-v1`.
    private static func areIdentifiers(_ tokens: [[String]]) -> Bool {
        guard let length = tokens.first?.count, length > 1, tokens.count > 10,
            tokens.allSatisfy({ $0.count == length }), tokens.joined().contains(where: { $0.count > 1 })
        else { return false }
        return (0..<length).allSatisfy { place in
            let words = Set(tokens.map { $0[place] }).count
            return words == 1 || 2 * words > tokens.count
        }
    }
}
