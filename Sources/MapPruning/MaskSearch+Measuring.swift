import Engine
import NetworkParts

/// Runs of the network that the search looks at.
extension MaskSearch {
    func moments(of index: Int) -> MapMoments {
        let place = places[index]
        return MapMoments(
            channels: place.masked.readShape.channels, taps: place.taps, outputs: place.masked.output.channels,
            images: fitting.count)
    }

    /// Samples what the convolutions of some places read, behind the masks before them, beside what they read in the
    /// whole network.
    mutating func collect(into moments: inout [MapMoments], of wanted: [Int]) {
        guard let last = wanted.last else { return }
        let (whole, session) = (SectionedSession(for: plan), SectionedSession(for: plan))
        let size = plan.parts.map { max($0.input.storage, $0.output.storage) }.max() ?? 1
        let (before, wholeBefore) = (AlignedBuffer(count: size), AlignedBuffer(count: size))
        for image in fitting {
            whole.place(images(image))
            session.place(images(image))
            var next = 0
            for part in 0...places[last].part {
                guard next < places.count, places[next].part == part else {
                    whole.perform(plan.parts[part])
                    session.perform(plan.parts[part])
                    continue
                }
                let index = next
                next += 1
                whole.save(before: part, to: wholeBefore)
                session.save(before: part, to: before)
                guard wanted.contains(index) else {
                    whole.perform(plan.parts[part])
                    perform(index, session)
                    continue
                }
                let place = places[index]
                let (shape, pixels) = (place.masked.readShape, pixels(moments[index], place.masked))
                var (read, all) = ([Float](), [Float]())
                session.perform(place.masked) {
                    read = moments[index].samples($0, height: shape.height, width: shape.width, at: pixels)
                }
                if unit == .strips { addChanges(index, before.base, session.current) }
                whole.perform(place.masked) {
                    all = moments[index].samples($0, height: shape.height, width: shape.width, at: pixels)
                }
                moments[index].add(
                    read, whole: all, added: shortcut(place, from: before.base, to: wholeBefore.base, at: pixels),
                    weights: place.weights)
                guard place.lists != nil else { continue }
                session.resume(before: part, from: before)
                perform(index, session)
            }
        }
    }

    /// Pixels of the result to sample.
    private mutating func pixels(_ moments: MapMoments, _ masked: MaskedPart) -> [Int] {
        let count = masked.output.pixels
        guard moments.pixelsPerImage < count else { return Array(0..<count) }
        return (0..<moments.pixelsPerImage).map { _ in Int.random(in: 0..<count, using: &generator) }
    }

    /// What the part's input, which it adds to its result, lacks of that of the whole network.
    private func shortcut(
        _ place: Place, from before: UnsafePointer<Float>, to whole: UnsafePointer<Float>, at pixels: [Int]
    ) -> [Float] {
        let shape = place.masked.output
        guard plan.isResidual[place.part] else { return [Float](repeating: 0, count: pixels.count * shape.channels) }
        return pixels.flatMap { pixel in
            (0..<shape.channels).map { channel in
                let index = ((channel / 16) * shape.pixels + pixel) * 16 + channel % 16
                return whole[index] - before[index]
            }
        }
    }

    private func perform(_ index: Int, _ session: SectionedSession) {
        if let lists = places[index].lists {
            session.perform(lists)
        } else {
            session.perform(plan.parts[places[index].part])
        }
    }

    /// The network with its masks from a part on.
    private func run(_ session: SectionedSession, from first: Int) {
        var next = places.firstIndex { $0.part >= first } ?? places.count
        for part in first..<plan.parts.count {
            if next < places.count, places[next].part == part {
                perform(next, session)
                next += 1
            } else {
                session.perform(plan.parts[part])
            }
        }
    }

    private func damage(_ session: SectionedSession, _ image: Int) -> Double {
        logits[image].withUnsafeBufferPointer { Double(distance($0, session.output)) }
    }

    /// Mean damage of the masks that are taken.
    func measure() -> Double {
        let session = SectionedSession(for: plan)
        return choosing.reduce(0) { sum, image in
            session.place(images(image))
            run(session, from: 0)
            return sum + damage(session, image)
        } / Double(choosing.count)
    }

    /// Mean damage of the masks that are taken with one of the proposals.
    func measureProposals(_ tried: [Int]) throws -> [Double] {
        var proposals = self
        for index in tried { if let mask = places[index].proposal { try proposals.set(mask, at: index) } }
        let session = SectionedSession(for: plan)
        let saved = AlignedBuffer(count: plan.parts.map { max($0.input.storage, $0.output.storage) }.max() ?? 1)
        var sums = [Double](repeating: 0, count: tried.count)
        for image in choosing {
            session.place(images(image))
            var part = 0
            for (position, index) in tried.enumerated() {
                for between in part..<places[index].part {
                    if let place = places.firstIndex(where: { $0.part == between }) {
                        perform(place, session)
                    } else {
                        session.perform(plan.parts[between])
                    }
                }
                part = places[index].part
                session.save(before: part, to: saved)
                proposals.perform(index, session)
                run(session, from: part + 1)
                sums[position] += damage(session, image)
                session.resume(before: part, from: saved)
            }
        }
        return sums.map { $0 / Double(choosing.count) }
    }

    // MARK: Fits

    /// Masks that leave so many units, falling, with the convolution fitted to each.
    mutating func fitted(_ index: Int, _ moments: inout MapMoments, leaving wanted: [Int]) -> [PartMask]? {
        let place = places[index]
        guard let fit = moments.fit(weights: place.weights, bias: place.masked.bias) else { return nil }
        func reader(_ weights: [Double]) -> LinearMap {
            let bias = fit.bias.indices.map { output in
                let start = output * fit.mean.count
                return Float(
                    fit.mean.indices.reduce(fit.bias[output]) {
                        $0 + (fit.weights[start + $1] - weights[start + $1]) * fit.mean[$1]
                    })
            }
            return LinearMap(weights: weights.map { Float($0) }, bias: bias)
        }
        if unit == .strips {
            return wanted.map { count in
                PartMask(part: place.part, mask: strips(index, leaving: count), reader: reader(fit.weights))
            }
        }
        guard
            var elimination = BlockElimination(
                weights: fit.weights, outputs: fit.bias.count, covariance: fit.covariance,
                channelColumns: place.taps * place.taps)
        else { return nil }
        var order = settings.isRandom ? randomOrder(place, wanted[0]) : []
        return wanted.map { count in
            for _ in 0..<max(0, elimination.left - count) {
                if order.isEmpty { elimination.removeCheapest() } else { elimination.remove(order.removeFirst()) }
            }
            let mask = MapMask(blocks: elimination.blocks, strips: [Bool](repeating: true, count: place.masked.strips))
            return PartMask(part: place.part, mask: mask, reader: reader(elimination.weights))
        }
    }

    /// Blocks that are left out already, then the others, drawn at random.
    private mutating func randomOrder(_ place: Place, _ left: Int) -> [Int] {
        let blocks = place.current?.mask.blocks ?? [Bool](repeating: true, count: place.masked.blocks)
        let (out, rest) = (blocks.indices.filter { !blocks[$0] }, blocks.indices.filter { blocks[$0] })
        return out + rest.shuffled(using: &generator)
    }

    /// Without the strips that the part changes least, on the mean over all images.
    private mutating func strips(_ index: Int, leaving wanted: Int) -> MapMask {
        let place = places[index]
        var mask = place.current?.mask ?? MapMask(all: place.masked)
        var order = place.changes.indices.filter { mask.strips[$0] }
        if settings.isRandom {
            order.shuffle(using: &generator)
        } else {
            order.sort { place.changes[$0] < place.changes[$1] }
        }
        for strip in order.prefix(max(0, left(mask) - wanted)) { mask.strips[strip] = false }
        return mask
    }

    /// Squared change of every strip from a map to another of the same shape, in the kernels' layout.
    private mutating func addChanges(
        _ index: Int, _ before: UnsafePointer<Float>, _ after: UnsafePointer<Float>
    ) {
        let masked = places[index].masked
        let shape = masked.output
        if places[index].changes.isEmpty { places[index].changes = [Double](repeating: 0, count: masked.strips) }
        for strip in 0..<masked.strips {
            var sum: Float = 0
            for block in 0..<shape.blocks {
                for row in masked.rows(of: strip) {
                    let line = ((block * shape.height) + row) * shape.width * 16
                    for value in 0..<shape.width * 16 where block * 16 + value % 16 < shape.channels {
                        let change = after[line + value] - before[line + value]
                        sum += change * change
                    }
                }
            }
            places[index].changes[strip] += Double(sum)
        }
    }
}
