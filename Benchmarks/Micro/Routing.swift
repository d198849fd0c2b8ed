// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark
import Engine
import NIOCore
import Packets
import Persistence
import StoreMemory

/// Messages through a shard, without sockets: from received bytes to the bytes of its receivers.
func engineBenchmarks() {
    for (name, qos, batch) in [
        ("1:1, QoS 0, 32 a tick", QoS.atMostOnce, 32), ("1:1, QoS 1, 32 a tick", .atLeastOnce, 32),
        ("1:1, QoS 1, one a tick", .atLeastOnce, 1),
    ] {
        Benchmark("shard \(name)") { benchmark in
            let broker = try MiniBroker(subscribers: 1, qos: qos, isPersistent: false)
            benchmark.startMeasurement()
            for _ in stride(from: 0, to: 1000, by: batch) { try broker.publish(batch) }
            benchmark.stopMeasurement()
        }
    }
    Benchmark("shard fan-out to 1000, QoS 0, one message", configuration: .init(scalingFactor: .one)) {
        benchmark in
        let broker = try MiniBroker(subscribers: 1000, qos: .atMostOnce, isPersistent: false)
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations { try broker.publish(1) }
        benchmark.stopMeasurement()
    }
    Benchmark("lane and netting, acknowledged before the commit, 32 a batch") { benchmark in
        let broker = try MiniBroker(subscribers: 1, qos: .atLeastOnce, isPersistent: true)
        benchmark.startMeasurement()
        for _ in stride(from: 0, to: 1000, by: 32) { try broker.publish(32) }
        benchmark.stopMeasurement()
    }
}

/// One shard, one publisher and some subscribers that acknowledge at once.
final class MiniBroker {
    private let commons: Commons
    private let shard: Shard
    private let store = MemoryStore()
    private var committer: Committer
    private var publisher = SlotID(index: 0, generation: 0)
    private var subscribers: [SlotID] = []
    private let qos: QoS
    private var orders: [Order] = []
    private var nextID: UInt16 = 0
    private let now: Milliseconds = 1_800_000_000_000

    init(subscribers count: Int, qos: QoS, isPersistent: Bool) throws {
        var limits = Limits()
        limits.inflightMax = 1000
        self.qos = qos
        commons = Commons(shardCount: 1, limits: limits)
        shard = Shard(index: 0, commons: commons, seed: 1)
        store.open()
        let restored = try Restoration.restore(from: store, shards: [shard], commons: commons, now: now)
        committer = Committer(commons: commons, after: restored.sysInfo)
        publisher = try connect("publisher", isPersistent: false)
        let subscribe = PacketBytes.of(
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [Subscription(filter: "t", options: SubscriptionOptions(qos: qos))])),
            version: .v311)
        for index in 0..<count {
            let slot = try connect("subscriber-\(index)", isPersistent: isPersistent)
            subscribers.append(slot)
            receive(slot, subscribe)
            try settle()
        }
    }

    private func connect(_ id: String, isPersistent: Bool) throws -> SlotID {
        let slot = shard.open(Origin(listener: "micro", remote: ""), now: now)
        let connect = Connect(version: .v311, clientID: Text(id), cleanStart: !isPersistent)
        receive(slot, PacketBytes.of(.connect(connect), version: .v311))
        try settle()
        return slot
    }

    private func receive(_ slot: SlotID, _ bytes: [UInt8]) {
        shard.received(slot, ByteBuffer(bytes: bytes), now: now)
    }

    /// Publishes that many messages in one tick, and has them acknowledged and committed.
    func publish(_ count: Int) throws {
        var bytes: [UInt8] = []
        for _ in 0..<count {
            nextID = nextID == .max ? 1 : nextID + 1
            bytes += PacketBytes.template(qos, id: nextID)
        }
        receive(publisher, bytes)
        endTick()
        if qos != .atMostOnce { acknowledge() }
        try settle()
    }

    private func acknowledge() {
        for slot in subscribers {
            var acknowledgements: [UInt8] = []
            shard.withOutbound(slot) { buffer in
                // Fixed header, topic of one byte, then the packet identifier, then 64 bytes.
                while let packet = buffer.readBytes(length: PacketBytes.templateBytes) {
                    acknowledgements += [0x40, 2, packet[5], packet[6]]
                }
            }
            receive(slot, acknowledgements)
        }
        endTick()
    }

    private func settle() throws {
        endTick()
        while case .commit = committer.next(now: now) {
            try store.commit(committer.batch)
            committer.committed(now: now)
        }
        for _ in committer.takeWakes() { shard.collect(now: now) }
        endTick()
        shard.withOutbound(publisher) { $0.clear() }
        for slot in subscribers { shard.withOutbound(slot) { $0.clear() } }
    }

    private func endTick() {
        shard.endTick(now: now)
        shard.takeOrders(into: &orders)
    }
}

extension PacketBytes {
    /// The length of a PUBLISH of `template` with a packet identifier.
    static let templateBytes = 71

    /// A PUBLISH to `t` with 64 bytes of payload.
    static func template(_ qos: QoS, id: UInt16) -> [UInt8] {
        var bytes: [UInt8] = [0x30 | qos.rawValue << 1, UInt8(qos == .atMostOnce ? 67 : 69), 0, 1, 0x74]
        if qos != .atMostOnce { bytes += [UInt8(id >> 8), UInt8(id & 0xFF)] }
        bytes += [UInt8](repeating: 0x78, count: 64)
        return bytes
    }
}
