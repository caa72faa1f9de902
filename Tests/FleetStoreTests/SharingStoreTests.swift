import FleetModel
import FleetStore
import HookSharing
import Testing

/// One suite over all stores.
@Suite struct SharingStoreTests {
    struct Maker: Sendable, CustomTestStringConvertible {
        /// `nil` for the one in memory, which is apart from the rest of the fleet.
        let store: StoreMaker?
        var testDescription: String { store?.testDescription ?? "memory" }

        static let all = [Maker(store: nil)] + StoreMaker.durable.map(Maker.init)

        func with(_ body: (any SharingStore) async throws -> Void) async throws {
            guard let store else { return try await body(InMemorySharingStore()) }
            try await store.with { try await body(try #require($0 as? any SharingStore)) }
        }
    }

    private func group(_ number: Int = 1) -> SharingGroup {
        SharingGroup(
            boardClass: "class \(number)", modelSHA256: String(repeating: "1", count: 64),
            hookSHA256: String(repeating: "2", count: 64))
    }

    private func state(_ current: UInt64 = 0, group number: Int = 1) throws -> SharingState {
        SharingState(
            group: group(number), parameterCount: 3, gateCount: 1, current: current, highest: current,
            marks: [.init(board: try Samples.id("board-9"), mark: .init(version: 1, reason: "points against"))])
    }

    private func update(_ board: String, _ number: UInt64) throws -> GateUpdate {
        GateUpdate(
            board: try Samples.id(board), number: number, baseVersion: 1, delta: [0.5, -1.25, Float(number)],
            samples: 7,
            loss: 0.25, arrivedAtMilliseconds: 99)
    }

    private func version(_ number: UInt64) throws -> HookVersion {
        HookVersion(
            number: number, parent: number - 1, values: [1, -2, Float(number)],
            provenance: .init(
                shares: [
                    .init(
                        board: try Samples.id("board-1"), samples: 7, baseVersion: 1, weight: 1, length: 2, cosine: 0.5,
                        exclusion: nil)
                ], validators: [try Samples.id("board-2")], change: -0.5,
                gates: [
                    GateScore(
                        samples: 60, loss: 0.25, constantLoss: 0.5, acceptedDamage: 0.125, acceptedPrediction: 0.25)
                ], atMilliseconds: 5))
    }

    @Test(arguments: Maker.all)
    func everythingComesBackAsItWas(maker: Maker) async throws {
        try await maker.with { store in
            try await store.saveSharing(try state(group: 2))
            try await store.saveSharing(try state())
            try await store.saveUpdate(try update("board-2", 4), in: group())
            try await store.saveUpdate(try update("board-1", 3), in: group())
            try await store.saveVersion(try version(1), try state(1), merged: [:])
            let stored = try await store.sharing()
            #expect(stored.map(\.state.group) == [group(1), group(2)])
            let (kept, made) = (try state(1), try version(1))
            let waiting = [try update("board-1", 3), try update("board-2", 4)]
            #expect(stored[0].state == kept && stored[0].versions == [made])
            #expect(stored[0].updates == waiting)
            #expect(stored[0].numbers.values.sorted() == [3, 4])
            #expect(stored[1].updates.isEmpty && stored[1].versions.isEmpty)
        }
    }

    @Test(arguments: Maker.all)
    func mergedUpdatesAreForgottenAndTheirNumbersAreNot(maker: Maker) async throws {
        try await maker.with { store in
            try await store.saveSharing(try state())
            try await store.saveUpdate(try update("board-1", 3), in: group())
            try await store.saveUpdate(try update("board-2", 4), in: group())
            // A newer one than what was merged stays.
            try await store.saveUpdate(try update("board-2", 5), in: group())
            try await store.saveVersion(
                try version(1), try state(1), merged: [try Samples.id("board-1"): 3, try Samples.id("board-2"): 4])
            var stored = try await store.sharing()
            let newer = try update("board-2", 5)
            #expect(stored[0].updates == [newer])
            #expect(stored[0].numbers.values.sorted() == [3, 5])
            try await store.dropUpdates([try Samples.id("board-2"): 5], try state(0))
            stored = try await store.sharing()
            #expect(stored[0].updates.isEmpty && stored[0].state.current == 0 && stored[0].versions.count == 1)
        }
    }

    @Test(arguments: Maker.all)
    func groupsUpdatesAndVersionsAreLimited(maker: Maker) async throws {
        try await maker.with { store in
            for number in 1...SharingLimits.groups { try await store.saveSharing(try state(group: number)) }
            await #expect(throws: FleetStoreFailure.self) { try await store.saveSharing(try state(group: 0)) }
            for number in 1...SharingLimits.updates {
                try await store.saveUpdate(try update("board-\(number)", 1), in: group())
            }
            await #expect(throws: FleetStoreFailure.self) {
                try await store.saveUpdate(try update("board-0", 1), in: group())
            }
            for number in 1...UInt64(SharingLimits.versions) + 2 {
                try await store.saveVersion(try version(number), try state(2), merged: [:])
            }
            let kept = try await store.sharing().first?.versions.map(\.number)
            #expect(kept?.count == SharingLimits.versions && kept?.first == 2)
            await #expect(throws: FleetStoreFailure.self) {
                try await store.saveUpdate(try update("board-1", 1), in: group(1_000))
            }
        }
    }

    @Test func aRestartFindsEverything() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let first = try SQLiteFleetStore(path: path)
            try await first.saveSharing(try state())
            try await first.saveUpdate(try update("board-1", 3), in: group())
            try await first.saveVersion(try version(1), try state(1), merged: [:])
            let before = try await first.sharing()
            try first.close()
            let second = try SQLiteFleetStore(path: path)
            #expect(try await second.sharing() == before)
            try second.close()
        }
    }
}
