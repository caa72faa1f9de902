import Engine
import Glibc
public import SearchSpace
import NetworkParts

extension BlockNetwork {
    /// From a thousandth to a half, evenly in the logarithm.
    static func drawBudget(using generator: inout SeededGenerator) -> Float {
        Float(0.001) * powf(500, Float(generator.uniform()))
    }

    /// Damage of leaving out a place now and running everything after it in full. What ran before is lost.
    func damage(of place: Place, full: UnsafeBufferPointer<Float>) -> Float {
        if place.point.kind == .exit {
            return place.head.map { Divergence.lostProbability(full, $0.logits) } ?? 1
        }
        replace(place)
        runOn(from: place.point.parts.upperBound)
        return Divergence.lostProbability(full, session.output)
    }

    /// The network from a part on, in full but for fixed places, as far as before another part. Decisions stay what
    /// they are.
    func runOn(from start: Int, to end: Int? = nil) {
        var part = start
        while part < end ?? plan.parts.count {
            if let place = places[part].first(where: \.isFixed) {
                if let substitute = place.substitute { session.perform(substitute) }
                part = place.point.parts.upperBound
            } else {
                session.perform(plan.parts[part])
                part += 1
            }
        }
    }
}

extension BlockNetwork: LearnableNetwork {
    /// Of decisions that are turned around while a frame is replayed.
    private static let exploration = 0.1

    /// First the whole network for its answer, then a run in which the gates decide up to a place drawn at random, and
    /// everything after it runs in full. Of the exits on the way the damage is known too.
    public func replay(
        _ image: UnsafeBufferPointer<Float>, piece: Int, into samples: inout [GateSamples],
        using generator: inout SeededGenerator
    ) -> Bool {
        guard piece > 0 else {
            session.place(image)
            for part in plan.parts { session.perform(part) }
            full.base.update(from: session.current, count: full.count)
            return false
        }
        let full = UnsafeBufferPointer(start: full.base, count: full.count)
        let target = Int.random(in: 0..<max(1, placeCount), using: &generator)
        let (budget, share) = (Self.drawBudget(using: &generator), 0.5 * generator.uniform())
        begin(image)
        var part = 0
        parts: while part < plan.parts.count {
            for place in places[part] {
                if place.isFixed {
                    part = skip(place)
                    continue parts
                }
                let features = readFeatures(place)
                if place.point.kind == .exit {
                    guard place.head != nil else { continue }
                    samples[place.index].add(features, damage: damage(of: place, full: full), using: &generator)
                    if place.index == target { return true }
                    continue
                }
                if place.index == target {
                    // The rest of the run looks at no gate, so that the features stay as they are.
                    let damage = damage(of: place, full: full)
                    samples[place.index].add(features, damage: damage, using: &generator)
                    return true
                }
                guard decides(place, budget, share, &generator) else { continue }
                part = skip(place)
                continue parts
            }
            session.perform(plan.parts[part])
            part += 1
        }
        // The target was left out on the way to it.
        return true
    }

    /// As the gate does at the budget, now and then the other way round; at random where there is none yet.
    private func decides(
        _ place: Place, _ budget: Float, _ share: Double, _ generator: inout SeededGenerator
    ) -> Bool {
        guard let gate = gates.gates[place.index] else { return generator.uniform() < share }
        return (predict(place, gate) <= budget) != (generator.uniform() < Self.exploration)
    }
}
