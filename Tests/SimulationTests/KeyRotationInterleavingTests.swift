import AgentCore
import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// A board and a coordinator change a key while messages are lost, repeated and overtaken, either side is killed
/// between any two steps, and time runs out: every state that can be reached is visited, not a sample.
@Suite struct KeyRotationInterleavingTests {
    /// Both ends with their disks and what is on its way. Keys are numbers as text; the first is "0".
    struct World: Hashable {
        // The board's disk.
        var current = "0"
        var next: String?
        // The board while it runs.
        var used = KeySession.Key.current
        var isConnected = false
        // The coordinator's disk, with the list of keys that follows from it.
        var key = "0"
        var rotation: Rotation?
        // On their way; at most one of a kind, which may arrive again and again, or never.
        var hello: String?
        var report: KeyOfRotation?
        var order: Order?
        var welcome: String?
        /// How many keys were made and rotations begun: bounds the search.
        var made = 0
        var begun = 0

        struct Rotation: Hashable {
            var number: UInt64
            var nextKey: String?
        }
        struct KeyOfRotation: Hashable {
            var number: UInt64
            var key: String
            /// Of the connection that it was said over.
            var over: String
        }
        struct Order: Hashable {
            var number: UInt64
            var accepted: String?
            var over: String
        }

        var usedKey: String { used == .next ? next ?? current : current }
        var allowed: Set<String> { Set([key] + [rotation?.nextKey].compactMap(\.self)) }
        var held: Set<String> { Set([current] + [next].compactMap(\.self)) }
    }

    private typealias Machine = KeyRotationStateMachine<ContinuousClock.Instant>
    private static let now = ContinuousClock.now
    private static let (mostKeys, mostRotations) = (3, 3)

    // MARK: Steps

    private func coordinator(_ world: World, _ event: (inout Machine) -> [Machine.Action]) -> World {
        var machine = Machine(
            key: world.key,
            rotation: world.rotation.map {
                BoardKeyRotation(number: $0.number, nextKey: $0.nextKey, untilMilliseconds: 9)
            })
        var after = world
        for action in event(&machine) {
            switch action {
            case .save(let key, let rotation):
                after.key = key
                after.rotation = rotation.map { .init(number: $0.number, nextKey: $0.nextKey) }
            case .send(let order):
                var accepted: String?
                if case .accepted(let key) = order.content { accepted = key }
                after.order = .init(number: order.number, accepted: accepted, over: world.usedKey)
            case .allow, .forbid, .record: break
            }
        }
        return after
    }

    private func keySession(of world: World) -> KeySession {
        var session = KeySession(hasNext: world.next != nil)
        if world.used == .next { _ = session.helloUnanswered() }
        return session
    }

    private func board(
        _ world: World, keys: Int = Self.mostKeys, _ event: (inout KeySession) -> [KeySession.Action]
    ) -> World {
        var (session, after) = (keySession(of: world), world)
        var actions = event(&session)
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .makeKey:
                guard after.made < keys else { continue }
                after.made += 1
                after.next = "\(after.made)"
                actions += session.keyMade()
            case .tell(let number):
                after.report = .init(number: number, key: after.next ?? "", over: after.usedKey)
            case .connect:
                after.used = session.used
                (after.isConnected, after.hello) = (false, after.usedKey)
            case .adopt:
                after.current = after.next ?? after.current
                after.next = nil
                session.keyAdopted()
                after.used = .current
            }
        }
        return after
    }

    /// Everything that can happen next.
    private func steps(from world: World) -> [World] {
        var next: [World] = []
        if world.begun < Self.mostRotations {
            var begun = coordinator(world) {
                $0.wanted(number: UInt64(world.begun + 1), untilMilliseconds: 9, at: Self.now)
            }
            begun.begun += 1
            next.append(begun)
        }
        next += messages(from: world)
        // Time: orders are said again, a rotation is given up, a hello is not answered.
        next.append(coordinator(world) { $0.timerFired(atMilliseconds: 1, isConnected: true, at: Self.now) })
        next.append(coordinator(world) { $0.timerFired(atMilliseconds: 9, isConnected: true, at: Self.now) })
        if !world.isConnected {
            var silent = board(world) { $0.helloUnanswered() }
            silent.hello = silent.usedKey
            next.append(silent)
        }
        // The board is killed, and begins with the key in force; between the two steps of an adoption as well.
        var killed = world
        (killed.used, killed.isConnected, killed.hello) = (.current, false, killed.current)
        next.append(killed)
        var lost = world
        (lost.isConnected, lost.hello) = (false, lost.usedKey)
        next.append(lost)
        // What is on its way is lost; what is not lost here stays, and arrives again.
        var silence = world
        (silence.hello, silence.report, silence.order, silence.welcome) = (nil, nil, nil, nil)
        next.append(silence)
        return next
    }

    private func messages(from world: World) -> [World] {
        var next: [World] = []
        if let used = world.hello, world.allowed.contains(used) {
            var greeted = coordinator(world) { $0.boardGreeted(with: used, at: Self.now) }
            greeted.welcome = used
            next.append(greeted)
        }
        if let report = world.report, world.allowed.contains(report.over) {
            next.append(
                coordinator(world) {
                    $0.told(KeyReport(number: report.number, key: report.key), isTaken: false, at: Self.now)
                })
        }
        // What is sent to a connection that is no longer there does not arrive.
        if let over = world.welcome, over == world.usedKey {
            var welcomed = board(world) { $0.sessionStarted() }
            welcomed.isConnected = true
            next.append(welcomed)
        }
        if let order = world.order, order.over == world.usedKey {
            let content = order.accepted.map { KeyOrder.Content.accepted(key: $0) } ?? .wanted
            next.append(
                board(world) { session in
                    session.received(KeyOrder(number: order.number, content)) { $0 == world.next }
                })
        }
        return next
    }

    /// Without faults: greeted, answered, told again, until nothing is left to do.
    private func settled(_ start: World) -> World {
        var world = start
        for _ in 0..<12 {
            if !world.allowed.contains(world.usedKey) { world = board(world) { $0.helloUnanswered() } }
            world.hello = world.usedKey
            if world.allowed.contains(world.usedKey) {
                let used = world.usedKey
                world = coordinator(world) { $0.boardGreeted(with: used, at: Self.now) }
                world = board(world) { $0.sessionStarted() }
            }
            world = coordinator(world) { $0.timerFired(atMilliseconds: 1, isConnected: true, at: Self.now) }
            if let order = world.order {
                let content = order.accepted.map { KeyOrder.Content.accepted(key: $0) } ?? .wanted
                let next = world.next
                world.order = nil
                world = board(world, keys: .max) { session in
                    session.received(KeyOrder(number: order.number, content)) { $0 == next }
                }
            }
            if let report = world.report, world.allowed.contains(report.over) {
                world.report = nil
                world = coordinator(world) {
                    $0.told(KeyReport(number: report.number, key: report.key), isTaken: false, at: Self.now)
                }
            }
        }
        return world
    }

    @Test func inEveryStateBothSidesKnowAKeyAndTheChangeEnds() {
        var seen: Set<World> = [World(hello: "0")]
        var open = Array(seen)
        var changed = 0
        while let world = open.popLast() {
            // The law: what the coordinator takes for the board's key, the board has on its disk.
            if !world.held.contains(world.key) { Issue.record("\(world)") }
            var quiet = world
            (quiet.report, quiet.order, quiet.welcome) = (nil, nil, nil)
            let end = settled(quiet)
            if end.key != end.current || end.rotation != nil { Issue.record("\(world) ends as \(end)") }
            if end.key != world.key { changed += 1 }
            for next in steps(from: world) where seen.insert(next).inserted { open.append(next) }
            guard seen.count < 2_000_000 else { break }
        }
        #expect(open.isEmpty, "\(seen.count) states, and more")
        #expect(changed > 0 && seen.count > 1_000)
        print("key rotation: \(seen.count) states, a change from \(changed) of them")
    }
}
