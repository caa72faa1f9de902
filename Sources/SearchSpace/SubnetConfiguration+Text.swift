extension SubnetConfiguration {
    /// What a text may hold at most, so that sums over it stay small.
    private static let textLimit = 4_096

    /// Reads either written form of a subnet: JSON, with the command line's names of the fields or those of
    /// once-for-all (`r`, `d`, `ks`, `e`), or the short form that `description` gives. Other fields of the JSON are not
    /// looked at. `nil` for any other text, and for lists that do not belong together.
    ///
    /// Source: once-for-all, `sample_active_subnet`, for the short names.
    public init?(text: String) {
        let read: SubnetConfiguration? =
            switch text.first {
            case "{": Self.object(text)
            case "r": Self.shortForm(text)
            default: nil
            }
        guard let read, read.isWellFormed else { return nil }
        self = read
    }

    /// The blocks in use of each stage, in order: kernel size and expand ratio.
    public var blocks: [[(kernelSize: Int, expandRatio: Int)]] {
        let positions = kernelSizes.count / max(depths.count, 1)
        return depths.enumerated().map { stage, depth in
            (0..<max(0, min(depth, positions))).map {
                (kernelSizes[stage * positions + $0], expandRatios[stage * positions + $0])
            }
        }
    }

    private var isWellFormed: Bool {
        let allowed = 1...Self.textLimit
        guard !depths.isEmpty, kernelSizes.count == expandRatios.count, kernelSizes.count % depths.count == 0,
            kernelSizes.count <= Self.textLimit, allowed.contains(resolution)
        else { return false }
        let positions = kernelSizes.count / depths.count
        return depths.allSatisfy { (1...max(positions, 1)).contains($0) && $0 <= positions }
            && blocks.joined().allSatisfy { allowed.contains($0.kernelSize) && allowed.contains($0.expandRatio) }
    }

    /// `r224 3x4+5x6 7x3`: per stage the blocks in use, kernel size x expand ratio.
    private static func shortForm(_ text: String) -> SubnetConfiguration? {
        let parts = text.split(separator: " ")
        guard parts.count > 1, let resolution = Int(parts[0].dropFirst()) else { return nil }
        var stages: [[(Int, Int)]] = []
        for part in parts.dropFirst() {
            let blocks = part.split(separator: "+", omittingEmptySubsequences: false).map { block in
                block.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
            }
            var stage: [(Int, Int)] = []
            for block in blocks {
                guard block.count == 2, let kernel = block[0], let ratio = block[1] else { return nil }
                stage.append((kernel, ratio))
            }
            stages.append(stage)
        }
        let positions = stages.map(\.count).max() ?? 0
        let padded = stages.flatMap { $0 + Array(repeating: (0, 0), count: positions - $0.count) }
        return SubnetConfiguration(
            resolution: resolution, depths: stages.map(\.count), kernelSizes: padded.map(\.0),
            expandRatios: padded.map(\.1))
    }

    private static func object(_ text: String) -> SubnetConfiguration? {
        guard text.last == "}" else { return nil }
        let quotes: Set<Character> = ["\"", "'"]
        var lists: [String: [Int]] = [:]
        for part in fields(text.dropFirst().dropLast()) {
            guard let colon = part.firstIndex(of: ":") else { return nil }
            let name = part[..<colon].filter { !quotes.contains($0) && !$0.isWhitespace }
            guard let values = numbers(part[part.index(after: colon)...]) else { continue }
            guard lists.updateValue(values, forKey: name) == nil else { return nil }
        }
        guard let resolution = lists["resolution"] ?? lists["r"], resolution.count == 1,
            let depths = lists["depths"] ?? lists["d"], let kernelSizes = lists["kernelSizes"] ?? lists["ks"],
            let expandRatios = lists["expandRatios"] ?? lists["e"]
        else { return nil }
        return SubnetConfiguration(
            resolution: resolution[0], depths: depths, kernelSizes: kernelSizes, expandRatios: expandRatios)
    }

    /// The parts between commas that are in no list.
    private static func fields(_ text: Substring) -> [Substring] {
        var depth = 0
        return text.split { character in
            if character == "[" { depth += 1 }
            if character == "]" { depth -= 1 }
            return character == "," && depth == 0
        }
    }

    /// An integer or a list of integers; `nil` for any other value.
    private static func numbers(_ text: Substring) -> [Int]? {
        let bare = text.filter { !$0.isWhitespace }
        guard bare.first == "[" else { return Int(bare).map { [$0] } }
        guard bare.last == "]" else { return nil }
        let items = bare.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
        let values = items.compactMap { Int($0) }
        return values.count == items.count ? values : nil
    }
}
