// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import PackageDescription

let shared: [Target.Dependency] = [
    .product(name: "Server", package: "roost"),
    .product(name: "Logging", package: "swift-log"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
]

let package = Package(
    name: "Examples",
    dependencies: [
        .package(name: "roost", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "persistence-memory",
            dependencies: shared + [.product(name: "StoreMemory", package: "roost")],
            path: "persistence/memory"),
        .executableTarget(
            name: "persistence-sqlite",
            dependencies: shared + [.product(name: "StoreSQLite", package: "roost")],
            path: "persistence/sqlite"),
        .executableTarget(
            name: "persistence-lmdb",
            dependencies: shared + [.product(name: "StoreLMDB", package: "roost")],
            path: "persistence/lmdb"),
        .executableTarget(
            name: "persistence-redis",
            dependencies: shared + [.product(name: "StoreRedis", package: "roost")],
            path: "persistence/redis"),
        .target(
            name: "LogStore",
            dependencies: [
                .product(name: "Packets", package: "roost"), .product(name: "Persistence", package: "roost"),
            ],
            path: "persistence/custom/LogStore"),
        .executableTarget(
            name: "persistence-custom",
            dependencies: shared + ["LogStore"],
            path: "persistence/custom/Broker"),
        .executableTarget(
            name: "persistence-custom-check",
            dependencies: [
                "LogStore", .product(name: "Persistence", package: "roost"),
                .product(name: "StoreConformance", package: "roost"),
            ],
            path: "persistence/custom/Check"),
    ],
    swiftLanguageModes: [.v6]
)
