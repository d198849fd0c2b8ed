// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import PackageDescription

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "roost", path: "..")],
    targets: [
        .executableTarget(
            name: "decoder-fuzz",
            dependencies: [.product(name: "Packets", package: "roost")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .unsafeFlags(["-parse-as-library"]),
                .treatAllWarnings(as: .error),
            ])
    ],
    swiftLanguageModes: [.v6]
)
