import Artefacts
import FleetModel
import struct Foundation.Data
import SwiftProtobuf

extension ArtefactReport {
    init(_ wire: WireArtefactReport) throws(DecodingFailure) {
        switch wire.content {
        case .state(let state): self = .state(try ArtefactState(state))
        case .wanted(let wanted):
            try Checks.count(wanted.chunks.count, "chunks", limit: ArtefactLimits.window)
            guard !wanted.chunks.isEmpty else { throw .malformed(field: "chunks") }
            try Checks.distinct(wanted.chunks, "chunks")
            var chunks: [Int] = []
            for chunk in wanted.chunks {
                chunks.append(
                    try Checks.integer(Int64(chunk), "chunks", in: 0...ArtefactLimits.bytes / 1_024))
            }
            self = .wanted(try Checks.sum(wanted.sha256, "sha256"), chunks: chunks)
        case nil: throw .malformed(field: "content")
        }
    }
}

extension ArtefactState {
    /// Boards tell of what they used once, too.
    fileprivate static let holdingLimit = 4 * ArtefactLimits.perBoard

    init(_ wire: WireArtefactStateRecord) throws(DecodingFailure) {
        try Checks.count(wire.holdings.count, "holdings", limit: Self.holdingLimit)
        var holdings: [ArtefactHolding] = []
        for holding in wire.holdings { holdings.append(try ArtefactHolding(holding)) }
        try Checks.distinct(holdings.map(\.id), "holdings")
        try Checks.count(wire.damaged.count, "damaged", limit: ArtefactLimits.damagePerState)
        var damaged: [ArtefactDamage] = []
        for damage in wire.damaged { damaged.append(try ArtefactDamage(damage)) }
        self.init(
            number: try Checks.counter(wire.number, "number", from: 1),
            key: wire.key.isEmpty ? nil : try Checks.key(wire.key, "key"),
            generation: try Checks.counter(wire.generation, "generation"), holdings: holdings, damaged: damaged)
    }
}

extension ArtefactDamage {
    fileprivate init(_ wire: WireArtefactDamageRecord) throws(DecodingFailure) {
        guard let kind = UInt8(exactly: wire.kind).flatMap(ArtefactKind.init) else { throw .malformed(field: "kind") }
        self.init(
            find: try Checks.counter(wire.find, "find", from: 1),
            id: ArtefactID(kind, try Checks.model(wire.name, "name")),
            version: try Checks.counter(wire.version, "version"),
            reason: try Checks.text(wire.reason, "reason", limit: ArtefactLimits.reasonBytes, mayBeEmpty: true))
    }
}

extension ArtefactHolding {
    fileprivate init(_ wire: WireArtefactHoldingRecord) throws(DecodingFailure) {
        guard let kind = UInt8(exactly: wire.kind).flatMap(ArtefactKind.init) else { throw .malformed(field: "kind") }
        guard let status = UInt8(exactly: wire.status).flatMap(Status.init) else { throw .malformed(field: "status") }
        guard wire.receivedBytes <= UInt64(ArtefactLimits.bytes) else { throw .malformed(field: "receivedBytes") }
        self.init(
            id: ArtefactID(kind, try Checks.model(wire.name, "name")), status: status,
            version: try Checks.counter(wire.version, "version"),
            previousVersion: try Checks.counter(wire.previousVersion, "previousVersion"),
            desiredVersion: try Checks.counter(wire.desiredVersion, "desiredVersion"),
            receivedBytes: Int(wire.receivedBytes),
            reason: try Checks.text(wire.reason, "reason", limit: ArtefactLimits.reasonBytes, mayBeEmpty: true),
            runningVersion: wire.hasRunningVersion ? try Checks.counter(wire.runningVersion, "runningVersion") : nil)
    }
}

extension ArtefactOrder {
    init(_ wire: WireArtefactOrder) throws(DecodingFailure) {
        switch wire.content {
        case .heard(let number): self = .heard(number: try Checks.counter(number, "heard", from: 1))
        case .trust(let trust):
            try Checks.count(trust.rotations.count, "rotations", limit: ArtefactLimits.rotations)
            var rotations: [KeyRotation] = []
            for rotation in trust.rotations {
                guard rotation.signature.count == ArtefactKey.signatureBytes else {
                    throw .malformed(field: "signature")
                }
                rotations.append(
                    KeyRotation(
                        old: try Checks.key(rotation.oldKey, "oldKey"), new: try Checks.key(rotation.newKey, "newKey"),
                        signature: Array(rotation.signature)))
            }
            self = .trust(try Checks.key(trust.key, "key"), rotations)
        case .desired(let desired):
            try Checks.count(desired.artefacts.count, "artefacts", limit: ArtefactLimits.perBoard)
            var artefacts: [DesiredArtefact] = []
            for artefact in desired.artefacts { artefacts.append(try DesiredArtefact(artefact)) }
            try Checks.distinct(artefacts.map(\.id), "artefacts")
            self = .desired(generation: try Checks.counter(desired.generation, "generation"), artefacts)
        case .chunk(let chunk):
            try Checks.count(chunk.content.count, "content", limit: ArtefactLimits.chunkBytes)
            try Checks.count(
                chunk.proof.count, "proof", limit: ArtefactLimits.proofSums * ContentSum.byteCount)
            guard !chunk.content.isEmpty else { throw .malformed(field: "content") }
            self = .chunk(
                try Checks.sum(chunk.sha256, "sha256"),
                chunk: try Checks.integer(Int64(chunk.chunk), "chunk", in: 0...ArtefactLimits.bytes / 1_024),
                bytes: Array(chunk.content), proof: try Checks.sums(chunk.proof, "proof"))
        case .missingSha256(let sum): self = .missing(try Checks.sum(sum, "missingSha256"))
        case nil: throw .malformed(field: "content")
        }
    }
}

extension DesiredArtefact {
    fileprivate init(_ wire: WireArtefactDesiredRecord) throws(DecodingFailure) {
        guard wire.manifest.count <= SignedManifest.byteLimit else {
            throw .limitExceeded(field: "manifest", limit: SignedManifest.byteLimit)
        }
        guard let manifest = try? ArtefactManifest(canonical: Array(wire.manifest)) else {
            throw .malformed(field: "manifest")
        }
        guard let signed = try? SignedManifest(manifest, signature: Array(wire.signature)) else {
            throw .malformed(field: "signature")
        }
        self.init(signed, mayDowngrade: wire.mayDowngrade)
    }
}

extension Checks {
    fileprivate static func sum(_ bytes: Data, _ field: String) throws(DecodingFailure) -> ContentSum {
        guard let sum = ContentSum(bytes: bytes) else { throw .malformed(field: field) }
        return sum
    }

    fileprivate static func sums(_ bytes: Data, _ field: String) throws(DecodingFailure) -> [ContentSum] {
        guard bytes.count % ContentSum.byteCount == 0 else { throw .malformed(field: field) }
        let plain = Array(bytes)
        var sums: [ContentSum] = []
        for start in stride(from: 0, to: plain.count, by: ContentSum.byteCount) {
            guard let sum = ContentSum(bytes: plain[start..<start + ContentSum.byteCount]) else {
                throw .malformed(field: field)
            }
            sums.append(sum)
        }
        return sums
    }

    fileprivate static func key(_ bytes: Data, _ field: String) throws(DecodingFailure) -> ArtefactKey {
        guard let key = ArtefactKey(bytes: Array(bytes)) else { throw .malformed(field: field) }
        return key
    }
}

extension WireArtefactReport {
    init(_ report: ArtefactReport) {
        self.init()
        switch report {
        case .state(let state):
            self.state = .with {
                $0.number = state.number
                $0.key = Data(state.key?.bytes ?? [])
                $0.generation = state.generation
                $0.holdings = state.holdings.map(WireArtefactHoldingRecord.init)
                $0.damaged = state.damaged.map { damage in
                    .with {
                        ($0.kind, $0.name) = (UInt32(damage.id.kind.rawValue), damage.id.name.rawValue)
                        ($0.find, $0.version, $0.reason) = (damage.find, damage.version, damage.reason)
                    }
                }
            }
        case .wanted(let sum, let chunks):
            wanted = .with {
                $0.sha256 = Data(sum.bytes)
                $0.chunks = chunks.map { UInt32(clamping: $0) }
            }
        }
    }
}

extension WireArtefactHoldingRecord {
    fileprivate init(_ holding: ArtefactHolding) {
        self.init()
        (kind, name) = (UInt32(holding.id.kind.rawValue), holding.id.name.rawValue)
        (status, version) = (UInt32(holding.status.rawValue), holding.version)
        (previousVersion, desiredVersion) = (holding.previousVersion, holding.desiredVersion)
        (receivedBytes, reason) = (UInt64(holding.receivedBytes), holding.reason)
        if let version = holding.runningVersion { runningVersion = version }
    }
}

extension WireArtefactOrder {
    init(_ order: ArtefactOrder) {
        self.init()
        switch order {
        case .heard(let number): heard = number
        case .trust(let key, let rotations):
            trust = .with {
                $0.key = Data(key.bytes)
                $0.rotations = rotations.map { rotation in
                    .with {
                        ($0.oldKey, $0.newKey) = (Data(rotation.old.bytes), Data(rotation.new.bytes))
                        $0.signature = Data(rotation.signature)
                    }
                }
            }
        case .desired(let generation, let artefacts):
            desired = .with {
                $0.generation = generation
                $0.artefacts = artefacts.map { artefact in
                    .with {
                        $0.manifest = Data(artefact.signed.manifest.canonical)
                        $0.signature = Data(artefact.signed.signature)
                        $0.mayDowngrade = artefact.mayDowngrade
                    }
                }
            }
        case .chunk(let sum, let place, let bytes, let proof):
            chunk = .with {
                ($0.sha256, $0.chunk) = (Data(sum.bytes), UInt32(clamping: place))
                ($0.content, $0.proof) = (Data(bytes), Data(proof.flatMap(\.bytes)))
            }
        case .missing(let sum): missingSha256 = Data(sum.bytes)
        }
    }
}
