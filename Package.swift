// swift-tools-version:6.2
import PackageDescription

/// Every target of Weir is built with these; a warning is an error.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

extension Target {
    static func weir(_ name: String, path: String? = nil, _ dependencies: [Dependency] = []) -> Target {
        .target(name: name, dependencies: dependencies, path: path, exclude: [], swiftSettings: settings)
    }

    static func plugin(_ name: String, _ dependencies: [Dependency] = []) -> Target {
        .target(
            name: name, dependencies: dependencies, path: "Plugins/\(name)", exclude: ["README.md"],
            swiftSettings: settings)
    }

    static func tests(
        _ name: String, path: String? = nil, exclude: [String] = [], _ dependencies: [Dependency] = []
    ) -> Target {
        .testTarget(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
    }

    static func systemLibrary(_ name: String, apt package: String) -> Target {
        .systemLibrary(name: name, path: "Sources/System/\(name)", providers: [.apt([package])])
    }
}

let package = Package(
    name: "weir",
    products: [
        .executable(name: "weir", targets: ["WeirCommand"]),
        .library(name: "WorkTracking", targets: ["WorkTracking"]),
        .library(name: "WeirRuntime", targets: ["WeirRuntime"]),
        .library(name: "WeirSimulation", targets: ["WeirSimulation"]),
        .library(name: "ObjectStore", targets: ["ObjectStore"]),
        .library(name: "SQLiteStorage", targets: ["SQLiteStorage"]),
        .library(name: "Reconciling", targets: ["Reconciling"]),
        .library(name: "EmbeddedNode", targets: ["EmbeddedNode", "Kafka", "AdminHTTP"]),
        .library(name: "WeirPlugin", targets: ["WeirPlugin"]),
        .library(name: "TopicAuditPlugin", type: .dynamic, targets: ["TopicAuditPlugin"]),
        .library(name: "MirrorPlugin", type: .dynamic, targets: ["MirrorPlugin"]),
    ],
    traits: [
        .trait(name: "Raft", description: "Partitions replicated by Raft; without it one node runs alone."),
        .default(enabledTraits: ["Raft"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    ],
    targets: [
        // Counting and draining work.
        .weir("WorkTracking"),
        .weir("WeirRuntime", ["WorkTracking", logging, lifecycle]),

        // The ports: for real, and under a seed.
        .target(name: "CSystemIO"),
        .weir("WeirIO", ["WeirRuntime", "CSystemIO", nioCore, nioPosix]),
        .weir("WeirSimulation", ["WeirRuntime"]),

        // The log.
        .target(name: "CChecksum"),
        .systemLibrary("CZlib", apt: "zlib1g-dev"),
        .systemLibrary("CLZ4", apt: "liblz4-dev"),
        .systemLibrary("CZstd", apt: "libzstd-dev"),
        .systemLibrary("CSnappy", apt: "libsnappy-dev"),
        .weir("RecordBatch", ["CChecksum", "CZlib", "CLZ4", "CZstd", "CSnappy", nioCore]),
        .weir("SegmentLog", ["RecordBatch", "CChecksum", "WeirRuntime", nioCore, logging]),

        // Objects, and what reconciles them.
        .weir("ObjectStore", ["WeirRuntime", "WorkTracking", logging]),
        .weir("SQLiteStorage", ["ObjectStore", "WeirRuntime", grdb]),
        .weir("ObjectLog", ["ObjectStore", "SegmentLog", "RecordBatch", "WeirRuntime", nioCore]),
        .weir("Reconciling", ["ObjectStore", "WeirRuntime", "WorkTracking", logging]),

        // Plugins in any language: the contract, the Swift side of it, and the host's.
        .target(name: "WeirPluginABI"),
        .weir("WeirPlugin", ["WeirPluginABI"]),
        .weir("PluginHost", ["WeirPluginABI", "ObjectStore", "Reconciling", "WeirRuntime", "WorkTracking", logging]),

        // Plugins.
        .plugin("Raft"),
        .plugin("KafkaWire", ["RecordBatch", nioCore]),
        .plugin("Coordinators", ["KafkaWire", "WeirRuntime", nioCore]),
        .plugin("KafkaClient", ["KafkaWire", "RecordBatch", nioCore, nioPosix]),
        .plugin(
            "Kafka",
            [
                "Coordinators", "KafkaWire", "RecordBatch", "SegmentLog", "ObjectStore", "Reconciling", "WeirRuntime",
                "WorkTracking", nioCore, nioPosix, logging,
            ]),
        .plugin(
            "AdminHTTP", ["ObjectStore", "WeirRuntime", "WorkTracking", hummingbird, hummingbirdCore, nioCore, logging]),

        // A node in a process of one's own; `weir serve` is one.
        .weir(
            "EmbeddedNode",
            [
                "AdminHTTP", "Kafka", "ObjectLog", "ObjectStore", "SegmentLog", "WeirIO", "WeirRuntime", "WorkTracking",
                nioCore, logging,
            ]),

        // The program, and the tools of its developers.
        .executableTarget(
            name: "WeirCommand",
            dependencies: [
                "WeirRuntime", "WorkTracking", "WeirIO", "RecordBatch", "SegmentLog", "Kafka", "KafkaWire",
                "KafkaClient", "AdminHTTP", "EmbeddedNode", "ObjectStore", "Reconciling", "PluginHost",
                .target(name: "Raft", condition: .when(traits: ["Raft"])),
                argumentParser, logging, nioCore, nioPosix, httpClient, "TOMLKit", "Yams",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "weir-kafka-messages", dependencies: [argumentParser], path: "Sources/Tools/weir-kafka-messages",
            swiftSettings: settings),
        .executableTarget(
            name: "weir-raft-cases", dependencies: ["Raft", "WeirSimulation", argumentParser],
            path: "Sources/Tools/weir-raft-cases",
            swiftSettings: settings),
        .executableTarget(
            name: "weir-simulate", dependencies: ["RaftSimulation", argumentParser],
            path: "Sources/Tools/weir-simulate", swiftSettings: settings),

        .executableTarget(
            name: "weir-storage-writer",
            dependencies: ["SQLiteStorage", "ObjectStore", "WeirIO", "WeirRuntime", "WeirSimulation"],
            path: "Sources/Tools/weir-storage-writer", swiftSettings: settings),

        // What a user would copy from.
        .executableTarget(
            name: "EmbeddedRuntime", dependencies: ["WeirRuntime", "WorkTracking", logging],
            path: "Samples/EmbeddedRuntime",
            swiftSettings: settings),
        .executableTarget(
            name: "EmbeddedCLI",
            dependencies: ["ObjectStore", "SQLiteStorage", "WeirRuntime", "WorkTracking", argumentParser, logging],
            path: "Samples/EmbeddedCLI", exclude: ["README.md"], swiftSettings: settings),

        .executableTarget(
            name: "CustomReconciler",
            dependencies: [
                "EmbeddedNode", "Kafka", "ObjectStore", "Reconciling", "RecordBatch", "WeirRuntime", nioCore, logging,
            ],
            path: "Samples/CustomReconciler", exclude: ["README.md"], swiftSettings: settings),

        .target(
            name: "TopicAuditPlugin", dependencies: ["WeirPlugin"], path: "Samples/TopicAuditPlugin",
            exclude: ["README.md"], swiftSettings: settings),
        .target(
            name: "MirrorPlugin", dependencies: ["WeirPluginABI"], path: "Samples/MirrorPlugin",
            exclude: ["README.md", "Makefile", "mirror.yaml", "example.yaml"]),

        .systemLibrary("CHiredis", apt: "libhiredis-dev"),
        .executableTarget(
            name: "web-backend",
            dependencies: [
                "WeirRuntime", "WeirIO", "WorkTracking", "ObjectStore", "SQLiteStorage", "CHiredis", hummingbird,
                hummingbirdCore, httpClient, nioCore, nioPosix, logging,
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Samples/WebBackend", exclude: ["README.md"], swiftSettings: settings),

        // A cluster of replicas under a seed: what `weir-simulate` and the tests run.
        .weir("RaftSimulation", path: "Tests/Simulation", ["Raft", "WeirRuntime", "WeirSimulation"]),

        .tests("WorkTrackingTests", ["WorkTracking"]),
        .tests("RaftTests", exclude: ["Cases"], ["Raft", "WeirSimulation", "weir-raft-cases"]),
        .tests("SimulationTests", ["RaftSimulation", "Raft", "WeirSimulation", "weir-simulate"]),
        .tests(
            "WeirRuntimeTests",
            ["WeirRuntime", "WorkTracking", "WeirSimulation", "EmbeddedRuntime", lifecycle, logging]),
        .tests("WeirIOTests", ["WeirIO", "WeirRuntime", "WeirSimulation", nioCore, nioPosix]),
        .tests("WeirSimulationTests", ["WeirSimulation", "WeirRuntime"]),
        .tests("RecordBatchTests", ["RecordBatch", "WeirSimulation", nioCore]),
        .tests("SegmentLogTests", ["SegmentLog", "RecordBatch", "WeirRuntime", "WeirSimulation", "WeirIO", nioCore]),
        .tests("KafkaWireTests", ["KafkaWire", "RecordBatch", "WeirSimulation", "weir-kafka-messages", nioCore]),
        .tests(
            "CoordinatorsTests", exclude: ["Transcripts"],
            ["Coordinators", "KafkaWire", "WeirRuntime", "WeirSimulation", nioCore]),
        .tests("KafkaClientTests", ["KafkaClient", "KafkaWire", "RecordBatch", nioCore, nioPosix]),
        .tests(
            "KafkaTests",
            [
                "Kafka", "Coordinators", "KafkaWire", "RecordBatch", "SegmentLog", "WeirRuntime", "WorkTracking",
                "WeirSimulation", "WeirIO", "ObjectStore", "ObjectLog", "Reconciling", nioCore, nioEmbedded, nioPosix,
                logging,
            ]),
        .tests(
            "AdminHTTPTests",
            [
                "AdminHTTP", "ObjectStore", "WeirRuntime", "WorkTracking", nioCore, nioPosix, logging,
            ]),
        .tests(
            "WeirCommandTests",
            [
                "WeirCommand", "EmbeddedNode", "WeirRuntime", "WeirIO", "Kafka", "KafkaClient", "ObjectStore",
                "PluginHost", argumentParser, nioCore,
            ]),
        .testTarget(
            name: "ClientsTests", path: "Tests/Clients", exclude: ["Scripts"], swiftSettings: settings),
        // The contract of a Storage, for backends of our own and of others.
        .weir(
            "StorageConformance", path: "Tests/Conformance",
            ["ObjectStore", "WeirSimulation", "WeirRuntime", logging]),
        .tests(
            "ObjectStoreTests",
            ["ObjectStore", "StorageConformance", "WeirSimulation", "WeirRuntime", "WorkTracking", logging]),
        .tests(
            "SQLiteStorageTests",
            [
                "SQLiteStorage", "ObjectStore", "StorageConformance", "WeirIO", "WeirRuntime", "WeirSimulation",
                "weir-storage-writer", nioCore, grdb,
            ]),
        .tests(
            "ObjectLogTests",
            [
                "ObjectLog", "ObjectStore", "StorageConformance", "SegmentLog", "RecordBatch", "WeirSimulation",
                "WeirIO",
                "WeirRuntime", nioCore,
            ]),
        .tests(
            "ReconcilingTests",
            ["Reconciling", "ObjectStore", "WeirRuntime", "WorkTracking", "WeirSimulation", logging]),
        .tests(
            "PluginHostTests", exclude: ["Fixtures"],
            [
                "PluginHost", "WeirPluginABI", "ObjectStore", "Reconciling", "WeirRuntime", "WorkTracking", "WeirIO",
                "WeirSimulation", logging,
            ]),
        // Each sample, as its users run it.
        .tests(
            "SamplesTests", path: "Tests/Samples", exclude: ["Scripts"],
            ["EmbeddedCLI", "CustomReconciler", "WeirCommand", "web-backend"]),
        .tests("TidyTests", path: "Tests/Tidy"),
        .executableTarget(
            name: "object-benchmark", dependencies: ["ObjectStore", "WeirRuntime"],
            path: "Tests/Benchmarks/ObjectBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "start-benchmark", dependencies: ["ObjectStore", "SQLiteStorage", "WeirRuntime", logging],
            path: "Tests/Benchmarks/StartBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "tracking-benchmark", dependencies: ["ObjectStore", "WorkTracking"],
            path: "Tests/Benchmarks/TrackingBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "sqlite-benchmark",
            dependencies: [
                "SQLiteStorage", "ObjectStore", "WeirIO", "WeirRuntime",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Tests/Benchmarks/SQLiteBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "object-log-benchmark",
            dependencies: ["ObjectLog", "ObjectStore", "SegmentLog", "WeirIO", "WeirRuntime", logging],
            path: "Tests/Benchmarks/ObjectLogBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "cleaner-benchmark",
            dependencies: ["SegmentLog", "RecordBatch", "WeirIO", "WeirRuntime", nioCore, logging],
            path: "Tests/Benchmarks/CleanerBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "reconcile-benchmark", dependencies: ["Reconciling", "ObjectStore", "WeirRuntime", logging],
            path: "Tests/Benchmarks/ReconcileBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "gate-benchmark", dependencies: ["WorkTracking"], path: "Tests/Benchmarks/GateBenchmark",
            swiftSettings: settings),
        .executableTarget(
            name: "raft-benchmark", dependencies: ["Raft", "WeirSimulation"], path: "Tests/Benchmarks/RaftBenchmark",
            swiftSettings: settings),
    ]
)
