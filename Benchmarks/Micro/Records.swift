// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark
import Packets
import Persistence

/// The one record encoding of the stores.
func recordBenchmarks() {
    let message = MessageRecord(
        topic: "sensors/17/temperature", payload: [UInt8](repeating: 0x78, count: 100),
        publisher: "device-17",
        publishedAt: 1_800_000_000_000)
    let client = ClientRecord(session: 17, clientID: "device-17", version: .v5, remote: "10.0.0.1:1234")
    Benchmark("record coding, message, encode") { benchmark in
        var bytes: [UInt8] = []
        for _ in benchmark.scaledIterations {
            bytes.removeAll(keepingCapacity: true)
            RecordCoding.append(message, to: &bytes)
        }
        blackHole(bytes)
    }
    Benchmark("record coding, message, decode") { benchmark in
        var bytes: [UInt8] = []
        RecordCoding.append(message, to: &bytes)
        try bytes.withUnsafeBytes { bytes in
            for _ in benchmark.scaledIterations { blackHole(try RecordCoding.decodeMessage(bytes)) }
        }
    }
    Benchmark("record coding, client, both ways") { benchmark in
        var bytes: [UInt8] = []
        for _ in benchmark.scaledIterations {
            bytes.removeAll(keepingCapacity: true)
            RecordCoding.append(client, to: &bytes)
            blackHole(try bytes.withUnsafeBytes { try RecordCoding.decodeClient($0) })
        }
    }
}
