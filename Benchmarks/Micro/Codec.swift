// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark
import NIOCore
import Packets

/// Bytes to packets, and back.
func codecBenchmarks() {
    let publish = PacketBytes.publish("sensors/17/temperature", qos: .atLeastOnce)
    Benchmark("decode PUBLISH, as a view") { benchmark in
        let decoder = Decoder(packetBytesMax: 1 << 20, version: .v311)
        try publish.withUnsafeBytes { bytes in
            for _ in benchmark.scaledIterations {
                guard let frame = try decoder.scan(bytes, from: 0) else { continue }
                blackHole(try decoder.publish(frame, in: bytes))
            }
        }
    }
    let connect = PacketBytes.of(.connect(Connect(version: .v5, clientID: "device-17", keepAlive: 60)))
    Benchmark("decode CONNECT, as a value") { benchmark in
        try connect.withUnsafeBytes { bytes in
            for _ in benchmark.scaledIterations {
                var decoder = Decoder(packetBytesMax: 1 << 20)
                guard let frame = try decoder.scan(bytes, from: 0) else { continue }
                blackHole(try decoder.packet(frame, in: bytes))
            }
        }
    }
    let topic = Text("sensors/17/temperature").bytes
    let payload = [UInt8](repeating: 0x78, count: 64)
    Benchmark("encode PUBLISH from its pieces") { benchmark in
        var buffer = ByteBuffer()
        for index in benchmark.scaledIterations {
            buffer.clear()
            let head = PublishHead(qos: .atLeastOnce, packetID: UInt16(truncatingIfNeeded: index) | 1)
            topic.withUnsafeBytes { topic in
                payload.withUnsafeBytes { payload in
                    PublishEncoder.append(
                        head, topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0),
                        payload: payload, identifiers: UnsafeBufferPointer(start: nil, count: 0),
                        version: .v311, to: &buffer)
                }
            }
        }
        blackHole(buffer)
    }
}

/// Packets as they arrive.
enum PacketBytes {
    static func of(_ packet: Packet, version: ProtocolVersion = .v5) -> [UInt8] {
        var buffer = ByteBuffer()
        precondition(packet.encode(into: &buffer, version: version), "a packet of our own must be encodable")
        return Array(buffer.readableBytesView)
    }

    static func publish(_ topic: Text, qos: QoS, id: UInt16 = 1) -> [UInt8] {
        let packet = Packet.publish(
            Publish(
                dup: false, qos: qos, retain: false, topic: topic, packetID: qos == .atMostOnce ? 0 : id,
                payload: [UInt8](repeating: 0x78, count: 64), properties: Properties()))
        return of(packet, version: .v311)
    }
}
