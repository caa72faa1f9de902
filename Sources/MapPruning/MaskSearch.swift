public import Engine
public import NetworkParts
public import SearchSpace

/// Chooses masks of several parts of a network together, from a stream of images without labels.
///
/// From the whole network on, in every round that mask grows which costs least damage per microsecond, measured in the
/// network with all masks taken so far. Convolutions behind masks are fitted, in the order of the network, to maps as
/// the masks before them leave them, on other images than those that damage is measured on. A few assignments on the
/// way are kept, one for each damage. Greedy choice by measured loss: NetAdapt (Yang et al. 2018); fit in the order of
/// the network: He, Zhang, Sun 2017.
public struct MaskSearch {
    /// What masks leave out.
    public enum Unit: Sendable {
        /// Blocks of channels of the hidden map.
        case blocks
        /// Strips of rows of the result.
        case strips
    }

    public struct Candidate: Sendable {
        public let part: Int
        /// What leaving out one unit saves.
        public let microseconds: Double

        public init(part: Int, microseconds: Double) { (self.part, self.microseconds) = (part, microseconds) }
    }

    public struct Settings: Sendable {
        public var seed: UInt64 = 1
        /// Images that convolutions are fitted on, and others that damage is measured on, at most.
        public var fittingImages = 300
        public var choosingImages = 150
        /// Damages, rising: of each the last assignment that stays within it is kept.
        public var damages = [0.01, 0.02, 0.04, 0.07, 0.12]
        /// For comparison: what is left out is drawn at random, and fitted in the same way.
        public var isRandom = false

        public init() {}
    }

    /// Of a part's units, what a round leaves out.
    private static let stepShare = 0.125
    /// Of a part's units, what stays.
    private static let smallestShare = 0.25
    /// Differences of damage below it are noise.
    private static let smallestDamage = 1e-4
    static let heldOutOf = 3

    /// Gives image `index` of the stream, valid until the next call.
    public typealias Images = (Int) -> UnsafeBufferPointer<Float>

    /// Whether no convolution is fitted on the image.
    public static func isHeldOut(_ image: Int) -> Bool { image % heldOutOf == heldOutOf - 1 }

    let plan: SectionedPlan
    let unit: Unit
    let settings: Settings
    let images: Images
    let logits: [[Float]]
    let distance: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Float
    let fitting: [Int]
    let choosing: [Int]
    var places: [Place]
    var generator: SeededGenerator

    /// A part whose mask may grow.
    struct Place {
        let part: Int
        let masked: MaskedPart
        let taps: Int
        /// As the network has it.
        let weights: [Float]
        let microseconds: Double
        /// `nil` where it is whole.
        var current: PartMask?
        var lists: MaskLists?
        /// What the next round may take instead.
        var proposal: PartMask?
        /// Squared change of every strip.
        var changes: [Double]
    }

    /// - Parameters:
    ///   - logits: the full network's, of every image.
    ///   - distance: of two answers, the full network's first, 0...1.
    /// - Throws: a failure of the plan; `nil` where no candidate is one.
    public init?(
        _ plan: SectionedPlan, _ candidates: [Candidate], unit: Unit, settings: Settings, logits: [[Float]],
        distance: @escaping (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Float, images: @escaping Images
    ) throws {
        (self.plan, self.unit, self.settings, self.images) = (plan, unit, settings, images)
        (self.logits, self.distance) = (logits, distance)
        fitting = Array(logits.indices.filter { !Self.isHeldOut($0) }.prefix(settings.fittingImages))
        choosing = Array(logits.indices.filter(Self.isHeldOut).prefix(settings.choosingImages))
        generator = SeededGenerator(seed: settings.seed)
        places = try candidates.sorted { $0.part < $1.part }.compactMap { candidate in
            guard let masked = try plan.masked(candidate.part), let taps = masked.taps,
                unit == .blocks ? masked.blocks > 1 : masked.strips > 1
            else { return nil }
            return Place(
                part: candidate.part, masked: masked, taps: taps, weights: masked.weights,
                microseconds: max(candidate.microseconds, 1e-3), changes: [])
        }
        guard !places.isEmpty, !choosing.isEmpty else { return nil }
    }

    /// - Parameter progress: told the share of the largest damage that has been reached.
    public mutating func run(progress: (Double) -> Void) throws -> [MaskAssignment] {
        guard let most = settings.damages.last else { return [] }
        var kept: [(places: [Place], damage: Double)] = []
        var damage = 0.0
        while true {
            try propose()
            guard let (place, reached) = try choose(beside: damage), reached <= most else { break }
            damage = reached
            try take(place)
            // Of each damage the last; what is below the least one does not hurt and is not kept apart.
            let level = settings.damages.firstIndex { damage <= $0 } ?? 0
            kept.removeAll { one in (settings.damages.firstIndex { one.damage <= $0 } ?? 0) == level }
            kept.append((places, damage))
            progress(min(1, damage / most))
        }
        var result: [MaskAssignment] = []
        for one in kept {
            places = one.places
            try refit()
            result.append(assignment(measure()))
        }
        return result.sorted { $0.microseconds < $1.microseconds }
    }

    private func assignment(_ damage: Double) -> MaskAssignment {
        let taken = places.filter { $0.current != nil }
        return MaskAssignment(
            masks: taken.compactMap(\.current), damage: damage,
            flops: taken.reduce(0) { sum, place in
                sum + plan.parts[place.part].flops - (place.current.map { place.masked.flops(of: $0.mask) } ?? 0)
            },
            microseconds: taken.reduce(0) { sum, place in
                sum + Double(units(place) - (place.current.map { left($0.mask) } ?? 0)) * place.microseconds
            })
    }

    // MARK: Rounds

    /// What every part could leave out next, and what it leaves out already fitted anew.
    private mutating func propose() throws {
        var moments = places.indices.map { self.moments(of: $0) }
        for index in places.indices { places[index].changes = [] }
        collect(into: &moments, of: Array(places.indices))
        for index in places.indices {
            let (now, next) = (left(index), left(index) - step(index))
            let isFinal = next < fewest(index)
            guard let fits = fitted(index, &moments[index], leaving: [now] + (isFinal ? [] : [next])) else { continue }
            if places[index].current != nil { try set(fits[0], at: index) }
            places[index].proposal = isFinal ? nil : fits.last
        }
    }

    /// The proposal that costs least damage per microsecond.
    /// - Returns: its place, and the damage with it; `nil` where there is none.
    private mutating func choose(beside damage: Double) throws -> (place: Int, damage: Double)? {
        let open = places.indices.filter { places[$0].proposal != nil }
        guard !open.isEmpty else { return nil }
        let tried = settings.isRandom ? [open[Int.random(in: 0..<open.count, using: &generator)]] : open
        let damages = try measureProposals(tried)
        func score(_ index: Int) -> Double {
            let place = places[tried[index]]
            let saved = Double(step(tried[index])) * place.microseconds
            return max(damages[index] - damage, Self.smallestDamage) / saved
        }
        return tried.indices.min { score($0) < score($1) }.map { (tried[$0], damages[$0]) }
    }

    private mutating func take(_ index: Int) throws {
        guard let proposal = places[index].proposal else { return }
        try set(proposal, at: index)
        places[index].proposal = nil
    }

    /// All convolutions anew, one after another, each behind the new ones before it.
    private mutating func refit() throws {
        for index in places.indices where places[index].current != nil {
            var moments = places.indices.map { self.moments(of: $0) }
            collect(into: &moments, of: [index])
            guard let fits = fitted(index, &moments[index], leaving: [left(index)]) else { continue }
            try set(fits[0], at: index)
        }
    }

    mutating func set(_ mask: PartMask, at index: Int) throws {
        let part = places[index].part
        let masked =
            try mask.reader.map { try plan.masked(part, weights: $0.weights, bias: $0.bias) } ?? plan.masked(part)
        guard let masked else { return }
        let lists = MaskLists(for: masked)
        lists.set(mask.mask)
        (places[index].current, places[index].lists) = (mask, lists)
    }

    // MARK: Units

    func left(_ mask: MapMask) -> Int { (unit == .blocks ? mask.blocks : mask.strips).count { $0 } }

    private func left(_ index: Int) -> Int { places[index].current.map { left($0.mask) } ?? units(index) }

    private func units(_ place: Place) -> Int { unit == .blocks ? place.masked.blocks : place.masked.strips }

    private func units(_ index: Int) -> Int { units(places[index]) }

    private func step(_ index: Int) -> Int { max(1, Int((Self.stepShare * Double(units(index))).rounded())) }

    private func fewest(_ index: Int) -> Int { max(1, Int((Self.smallestShare * Double(units(index))).rounded(.up))) }
}
