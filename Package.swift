// swift-tools-version:6.2
import Foundation
import PackageDescription

/// Every room with the rooms it may import. The table is the architecture: SwiftPM rejects cycles,
/// `Tests/StyleTests` rejects imports that this table does not list.
let rooms: KeyValuePairs<String, [String]> = [
    // Values: no I/O, no clocks, no actors.
    "SearchSpace": [],
    "FleetModel": ["SearchSpace"],
    "HookSharing": ["FleetModel"],
    "Rollouts": ["FleetModel"],
    "Artefacts": ["FleetModel"],
    "WireProtocol": ["Artefacts", "FleetModel", "HookSharing", "SearchSpace"],
    // Engine: synchronous computation.
    "CKernels": [],
    "CAllocations": [],
    // Which processors threads run on, and how much of them.
    "Processors": ["CScheduler"],
    // Frames between an application and the agent of its board.
    "FrameSocket": [],
    "Graphs": [],
    "Fusion": ["Graphs"],
    "Engine": ["CKernels", "Fusion", "Graphs"],
    "NetworkParts": ["CKernels", "Engine", "Fusion", "Graphs"],
    "Packages": ["CKernels", "Engine", "Graphs"],
    "ModelImport": ["Engine", "Graphs", "Packages", "SearchSpace"],
    "Supernets": ["CKernels", "Engine", "Fusion", "Graphs", "NetworkParts", "Packages", "SearchSpace"],
    "PostTrainingQuantization": ["CKernels", "Engine", "Fusion", "Graphs"],
    "MapPruning": ["Engine", "NetworkParts", "SearchSpace"],
    // What predictions are worth, and what budgets are held to on account of it: values.
    "GateCalibration": [],
    "HookNetworks": [
        "Engine", "Fusion", "GateCalibration", "Graphs", "MapPruning", "NetworkParts", "Packages",
        "PostTrainingQuantization", "SearchSpace", "Supernets",
    ],
    "HookPictures": [],
    "GateSharing": ["HookNetworks", "HookSharing", "MapPruning", "SearchSpace"],
    "Datasets": ["Engine", "Graphs", "Packages", "CPNG", "CTurboJPEG", "CZlib"],
    "PlanEvaluation": [
        "CAllocations", "Datasets", "Engine", "Fusion", "Graphs", "NetworkParts", "Packages",
        "PostTrainingQuantization", "SearchSpace", "Supernets",
    ],
    // The engine as a library, for Swift and for C.
    "Shoal": [
        "Datasets", "Engine", "FrameSocket", "Fusion", "Graphs", "HookNetworks", "NetworkParts", "Packages",
        "SearchSpace", "Supernets",
    ],
    "CShoal": [],
    "ShoalC": ["CShoal", "Shoal"],
    // Decisions: pure state machines and algorithms.
    "SubnetSearch": ["CKernels", "SearchSpace"],
    "LatencyPrediction": ["SearchSpace"],
    "SearchInputs": [
        "Engine", "LatencyPrediction", "ModelImport", "Packages", "SearchSpace", "SubnetSearch", "Supernets",
    ],
    "ResourceAllocation": ["FleetModel"],
    "CoordinatorCore": [
        "FleetModel", "HookSharing", "LatencyPrediction", "ResourceAllocation", "Rollouts", "SearchSpace",
        "WireProtocol",
    ],
    "AgentCore": ["Artefacts", "FleetModel", "HookSharing", "ResourceAllocation", "WireProtocol"],
    "Scenarios": ["AgentCore", "FleetModel", "ResourceAllocation", "SearchSpace"],
    "Simulation": ["AgentCore", "CoordinatorCore", "FleetModel", "SearchSpace", "WireProtocol"],
    "LiveScenarios": ["Engine", "Fusion", "Graphs", "Processors", "Scenarios", "SearchSpace", "Shoal"],
    // Shells: actors, sockets, files.
    "Files": ["FleetModel"],
    "ArtefactFiles": ["Artefacts", "Files", "FleetModel"],
    "Messaging": ["Files", "FleetModel", "WireProtocol", "CZeroMQ"],
    "AuditLog": [],
    "FleetMetrics": [],
    "FleetStore": ["AuditLog", "FleetModel", "HookSharing", "Rollouts"],
    "PostgreSQLFleetStore": [
        "AuditLog", "CPostgreSQL", "Files", "FleetModel", "FleetStore", "HookSharing", "Rollouts",
    ],
    // Telemetry of a board that waits for its coordinator.
    "SpoolStore": ["FleetModel", "WireProtocol"],
    "HTTPServing": [],
    "MetricsServing": ["FleetMetrics", "HTTPServing"],
    "AdminAPI": ["AuditLog", "Files", "FleetModel", "HTTPServing", "HookSharing"],
    "FleetListings": ["AdminAPI", "AuditLog", "FleetModel", "HookSharing"],
    "MachineChecks": [
        "Engine", "Files", "FleetModel", "Messaging", "NetworkParts", "Packages", "Processors", "Shoal",
    ],
    "AllocationReports": ["FleetListings", "FleetModel", "ResourceAllocation", "SearchSpace"],
    "Dashboard": [],
    "SearchReports": ["AdminAPI", "FleetModel"],
    // How long work takes, told to terminals.
    "ProgressLines": [],
    "InferenceAPI": ["HTTPServing"],
    // Between an agent's threads, without locks.
    "Mailboxes": ["FleetModel"],
    "Agent": [
        "AgentCore", "ArtefactFiles", "Artefacts", "Datasets", "Engine", "Files", "FleetMetrics", "FleetModel",
        "FrameSocket", "Fusion", "GateSharing", "HookNetworks", "HookSharing", "InferenceAPI", "Mailboxes", "Messaging",
        "MetricsServing", "NetworkParts", "Packages", "Processors", "SearchSpace", "Shoal", "SpoolStore", "Supernets",
        "WireProtocol",
    ],
    "Coordinator": [
        "AdminAPI", "ArtefactFiles", "Artefacts", "AuditLog", "CoordinatorCore", "Dashboard", "Files", "FleetMetrics",
        "FleetModel", "FleetStore", "HookSharing", "LatencyPrediction", "Messaging", "MetricsServing",
        "PostgreSQLFleetStore", "Rollouts", "SearchInputs", "SearchSpace", "SubnetSearch", "WireProtocol",
    ],
]

let programs: KeyValuePairs<String, [String]> = [
    "shoal": [
        "AdminAPI", "AllocationReports", "AuditLog", "CAllocations", "Datasets", "Engine", "Files", "FleetListings",
        "FleetModel", "Fusion", "GateCalibration", "Graphs", "HookNetworks", "HookPictures", "HookSharing",
        "LatencyPrediction", "LiveScenarios", "MachineChecks", "MapPruning", "ModelImport",
        "NetworkParts", "Packages", "PlanEvaluation", "PostTrainingQuantization", "ProgressLines", "ResourceAllocation",
        "Scenarios", "SearchInputs", "SearchReports", "SearchSpace", "Shoal", "SubnetSearch", "Supernets",
    ],
    "shoal-agent": ["Agent"],
    "shoal-coordinator": ["Coordinator", "FleetModel"],
]

/// Libraries from elsewhere, by the room that may use them.
let libraries: [String: [Target.Dependency]] = [
    "WireProtocol": [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
    "ModelImport": [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
    ],
    "Packages": [.product(name: "Crypto", package: "swift-crypto")],
    "SearchInputs": [.product(name: "Crypto", package: "swift-crypto")],
    "FleetModel": [.product(name: "Yams", package: "Yams")],
    "MachineChecks": [.product(name: "Yams", package: "Yams")],
    "Artefacts": [.product(name: "Crypto", package: "swift-crypto")],
    "ArtefactFiles": [.product(name: "Crypto", package: "swift-crypto")],
    "AuditLog": [.product(name: "Crypto", package: "swift-crypto")],
    "FleetStore": [.product(name: "GRDB", package: "GRDB.swift")],
    "SpoolStore": [.product(name: "GRDB", package: "GRDB.swift")],
    "AdminAPI": [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
    ],
    "Dashboard": [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
    ],
    "HTTPServing": [
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
    ],
    "MetricsServing": [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
    ],
    "InferenceAPI": [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
    ],
    "Messaging": [.product(name: "Logging", package: "swift-log")],
    "Agent": [
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
    ],
    "Coordinator": [
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
    ],
    "shoal": [.product(name: "ArgumentParser", package: "swift-argument-parser")],
    "shoal-agent": [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
    ],
    "shoal-coordinator": [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
    ],
]

/// What tests may import beyond the room they test: rooms that bring real data or the other side.
let testImports: [String: [String]] = [
    "AdminAPI": ["SearchSpace", "ServingHarness"],
    "HTTPServing": ["ServingHarness"],
    "InferenceAPI": ["ServingHarness"],
    "MetricsServing": ["ServingHarness"],
    "AgentCore": ["CAllocations"],
    "Coordinator": [
        "AdminAPI", "FleetListings", "FleetModel", "LatencyPrediction", "PostgreSQLHarness", "SearchSpace",
        "SubnetSearch", "WireProtocol",
    ],
    "Agent": ["CAllocations", "Graphs", "ModelImport"],
    "Dashboard": [
        "AdminAPI", "AuditLog", "FleetModel", "HookSharing", "Messaging", "SearchSpace", "ServingHarness",
        "WireProtocol",
    ],
    "FleetStore": ["PostgreSQLFleetStore", "PostgreSQLHarness"],
    "ArtefactFiles": ["FleetModel"],
    "GateSharing": ["AgentCore", "CoordinatorCore", "FleetModel", "WireProtocol"],
    "HookNetworks": ["CAllocations"],
    "Engine": ["CAllocations"],
    "NetworkParts": ["CAllocations"],
    "ModelImport": ["CAllocations", "Fusion", "NetworkParts", "Supernets"],
    "LiveScenarios": ["ModelImport", "Packages", "Supernets"],
    "PostgreSQLFleetStore": ["PostgreSQLHarness"],
    "PlanEvaluation": ["Packages"],
    "SearchInputs": ["LatencyPrediction", "SearchSpace", "SubnetSearch"],
    "SearchReports": ["SearchSpace"],
    "Shoal": ["CAllocations", "ModelImport"],
    "ShoalC": ["CAllocations", "Engine", "ModelImport", "Packages"],
    "Supernets": ["CAllocations", "Datasets", "ModelImport"],
    "MachineChecks": ["Graphs"],
]

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + path) }

func dependencies(_ name: String, _ rooms: [String]) -> [Target.Dependency] {
    rooms.map { .byName(name: $0) } + (libraries[name] ?? [])
}

/// A room keeps the schemas of its generated sources under `Protobuf`.
func schemas(of name: String) -> [String] { exists("Sources/\(name)/Protobuf") ? ["Protobuf"] : [] }

/// A room keeps what browsers are given under `Pages`; each file becomes part of the program. They are listed because a
/// manifest is not read again when a folder changes.
func pages(of name: String) -> [Resource] {
    guard exists("Sources/\(name)/Pages") else { return [] }
    let scripts = [
        "app", "audit", "board", "coordinator", "dialog", "elements", "events", "fleet", "hooks", "models", "plots",
        "policies", "predictors", "rollouts",
    ].map { $0 + ".js" }
    return (["icon.svg", "index.html", "style.css"] + scripts).map { .embedInCode("Pages/\($0)") }
}

/// A room's tests may import what the room itself may import.
func tests(of name: String, _ imports: [String]) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.byName(name: name)]
            + dependencies(name, Array(Set(imports + (testImports[name] ?? []))).sorted()),
        resources: exists("Tests/\(name)Tests/Fixtures") ? [.copy("Fixtures")] : [],
        swiftSettings: strict)
}

let cRooms: Set = ["CAllocations", "CKernels", "CShoal"]
let swiftRooms = rooms.filter { !cRooms.contains($0.key) }
let testedRooms = rooms.filter { exists("Tests/\($0.key)Tests") }

let package = Package(
    name: "shoal",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Shoal", targets: ["Shoal"]),
        .library(name: "ShoalC", type: .dynamic, targets: ["ShoalC"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: swiftRooms.map {
        .target(
            name: $0.key, dependencies: dependencies($0.key, $0.value), exclude: schemas(of: $0.key),
            resources: pages(of: $0.key), swiftSettings: strict)
    }
        + programs.map {
            .executableTarget(name: $0.key, dependencies: dependencies($0.key, $0.value), swiftSettings: strict)
        }
        + testedRooms.map { tests(of: $0.key, $0.value) }
        + [
            .testTarget(name: "CommandLineTests", swiftSettings: strict),
            .testTarget(
                name: "DeployTests", dependencies: [.product(name: "Yams", package: "Yams")], swiftSettings: strict),
            .testTarget(name: "StyleTests", swiftSettings: strict),
            .target(
                name: "ServingHarness", dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
                path: "Tests/ServingHarness", swiftSettings: strict),
            .target(name: "PostgreSQLHarness", path: "Tests/PostgreSQLHarness", swiftSettings: strict),
        ]
        + [
            .executableTarget(
                name: "sharing-study",
                dependencies: [
                    "Datasets", "Engine", "FleetModel", "Fusion", "GateSharing", "HookNetworks", "HookSharing",
                    "NetworkParts", "Packages", "SearchSpace", "Shoal",
                ],
                path: "Benchmarks/sharing", swiftSettings: strict),
            .executableTarget(
                name: "verification-study", dependencies: ["LatencyPrediction", "SearchSpace"],
                path: "Benchmarks/verification", swiftSettings: strict),
            .executableTarget(
                name: "retention-study",
                dependencies: ["FleetModel", "FleetStore", "PostgreSQLFleetStore", "PostgreSQLHarness"],
                path: "Benchmarks/retention", swiftSettings: strict),
            .executableTarget(
                name: "fleet-load",
                dependencies: [
                    "AdminAPI", "AgentCore", "FleetModel", "FleetStore", "Messaging", "SearchSpace", "WireProtocol",
                    "CZeroMQ",
                    .product(name: "ArgumentParser", package: "swift-argument-parser"),
                ],
                path: "Benchmarks/load", swiftSettings: strict),
        ]
        + cRooms.sorted().map { .target(name: $0) }
        + [
            .systemLibrary(name: "CScheduler"),
            .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
            .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
            .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
            .systemLibrary(name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"])]),
            .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        ]
)
