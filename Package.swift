// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import PackageDescription

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "roost",
    products: [
        .library(name: "Packets", targets: ["Packets"]),
        .library(name: "Persistence", targets: ["Persistence"]),
        .library(name: "Server", targets: ["Server"]),
        .library(name: "StoreMemory", targets: ["StoreMemory"]),
        .library(name: "StoreSQLite", targets: ["StoreSQLite"]),
        .library(name: "StoreLMDB", targets: ["StoreLMDB"]),
        .library(name: "StoreRedis", targets: ["StoreRedis"]),
        .library(name: "StoreConformance", targets: ["StoreConformance"]),
        .executable(name: "roost", targets: ["roost"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "Packets", dependencies: [nio]),
        .target(name: "Persistence", dependencies: ["Packets"]),
        .target(name: "Engine", dependencies: ["Packets", "Persistence", nio, collections]),
        .target(
            name: "Server",
            dependencies: [
                "Packets", "Persistence", "Engine", nio, nioPosix, collections, logging, lifecycle,
            ]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(name: "StoreMemory", dependencies: ["Packets", "Persistence"]),
        .target(name: "StoreSQLite", dependencies: ["Packets", "Persistence", "CSQLite"]),
        .target(name: "StoreLMDB", dependencies: ["Packets", "Persistence", "CLMDB"]),
        .target(name: "StoreRedis", dependencies: ["Packets", "Persistence", "CHiredis"]),
        .target(name: "StoreTools", dependencies: ["Packets", "Persistence"]),
        .target(name: "StoreConformance", dependencies: ["Packets", "Persistence"]),
        .executableTarget(
            name: "roost",
            dependencies: [
                "Server", "Persistence", "Packets", "StoreTools", "StoreMemory", "StoreSQLite", "StoreLMDB",
                "StoreRedis", arguments, logging, lifecycle,
            ]),
        .target(name: "PacketFixtures", dependencies: ["Packets"], path: "Tests/PacketFixtures"),
        .testTarget(name: "PacketsTests", dependencies: ["Packets", "PacketFixtures", nio]),
        .testTarget(name: "PersistenceTests", dependencies: ["Packets", "Persistence"]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Packets", "Persistence", "StoreConformance", "StoreMemory", "StoreSQLite", "CSQLite",
            ]),
        .testTarget(
            name: "StoreLMDBTests",
            dependencies: ["Packets", "Persistence", "StoreConformance", "StoreLMDB", "CLMDB"]),
        .testTarget(
            name: "StoreRedisTests",
            dependencies: ["Packets", "Persistence", "StoreConformance", "StoreRedis", "StoreSQLite"]),
        .testTarget(
            name: "StoreToolsTests",
            dependencies: ["Packets", "Persistence", "StoreTools", "StoreMemory", "StoreSQLite", "StoreLMDB"]),
        .executableTarget(
            name: "ring-fill", dependencies: ["Packets", "Persistence", "StoreSQLite"], path: "Tests/RingFill"
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: ["Packets", "Persistence", "Engine", "StoreMemory", "PacketFixtures", nio]),
        .target(
            name: "Simulation",
            dependencies: ["Packets", "Persistence", "Engine", "StoreMemory", "StoreConformance", nio],
            path: "Tests/Simulation",
            exclude: ["Planted"]),
        .executableTarget(name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulate"),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Packets", "Persistence", "Engine", "Simulation", "StoreMemory", "StoreConformance", nio,
            ]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Packets", "Persistence", "Server", "StoreMemory", "StoreSQLite", "StoreConformance",
                "PacketFixtures", nio, nioPosix, logging,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// The micro benchmarks see what is `package`, so they are a target here, for those who ask (Benchmarks/micro).
if Context.environment["ROOST_BENCHMARKS"] != nil {
    package.dependencies.append(
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []))
    package.targets.append(
        .executableTarget(
            name: "MicroBenchmarks",
            dependencies: [
                "Packets", "Persistence", "Engine", "StoreMemory", "StoreSQLite", "StoreLMDB", "CSQLite",
                "CLMDB",
                nio, .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Micro",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]))
}

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
        .treatAllWarnings(as: .error),
    ]
}
