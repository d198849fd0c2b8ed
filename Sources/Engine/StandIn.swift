// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

// A stand-in for the engine while it is being written: echoes what it receives.

package import NIOCore
package import Packets
package import Persistence
import Synchronization

package struct SlotID: Hashable, Sendable {
    package var index: UInt32
    package var generation: UInt32
}
package struct Origin: Sendable {
    package var listener: Text
    package var remote: Text
    package init(listener: Text, remote: Text) {
        self.listener = listener
        self.remote = remote
    }
}
package enum Report: Sendable, CustomStringConvertible {
    package enum Level: Sendable { case debug, info, warning }
    case opened(SlotID, Origin)
    package var level: Level { .debug }
    package var description: String { "connected" }
}
package struct ReadReply: Sendable {}
package struct ReadRequest: Sendable {
    package func run(on store: any Store) -> ReadReply { ReadReply() }
}
package enum Order {
    case flush(SlotID)
    case close(SlotID)
    case pause(SlotID)
    case resume(SlotID)
    case wake(shard: Int)
    case wakeCommitter
    case read(ReadRequest)
    case wakeSelf(afterMilliseconds: Int)
    case completed(ticket: UInt64, reason: ReasonCode)
    case report(Report)
}
package final class Shard {
    private var orders: [Order] = []
    private var outbound: [ByteBuffer] = []
    private var generations: [UInt32] = []
    private var free: [UInt32] = []
    private var dirty: [SlotID] = []
    package private(set) var connectionCount = 0
    package init(index: Int, commons: Commons, seed: UInt64) {}
    package func open(_ origin: Origin, now: Milliseconds) -> SlotID {
        connectionCount += 1
        let index = free.popLast() ?? UInt32(outbound.count)
        if index == outbound.count {
            outbound.append(ByteBuffer())
            generations.append(0)
        }
        generations[Int(index)] += 1
        let slot = SlotID(index: index, generation: generations[Int(index)])
        orders.append(.report(.opened(slot, origin)))
        return slot
    }
    package func received(_ slot: SlotID, _ bytes: consuming ByteBuffer, now: Milliseconds) {
        if outbound[Int(slot.index)].readableBytes == 0 { dirty.append(slot) }
        outbound[Int(slot.index)].writeBuffer(&bytes)
    }
    package func closed(_ slot: SlotID, now: Milliseconds) {
        guard generations[Int(slot.index)] == slot.generation else { return }
        generations[Int(slot.index)] += 1
        connectionCount -= 1
        outbound[Int(slot.index)] = ByteBuffer()
        free.append(slot.index)
    }
    package func writabilityChanged(_ slot: SlotID, isWritable: Bool, now: Milliseconds) {}
    package func collect(now: Milliseconds) {}
    package func readFinished(_ reply: ReadReply, now: Milliseconds) {}
    package func publish(_ message: MessageRecord, retain: Bool, ticket: UInt64, now: Milliseconds) {
        orders.append(.completed(ticket: ticket, reason: .success))
    }
    package func advance(now: Milliseconds) {}
    package func endTick(now: Milliseconds) {
        for slot in dirty { orders.append(.flush(slot)) }
        dirty.removeAll(keepingCapacity: true)
    }
    package func takeOrders(into other: inout [Order]) { swap(&orders, &other) }
    package func withOutbound(_ slot: SlotID, _ body: (inout ByteBuffer) -> Void) {
        body(&outbound[Int(slot.index)])
    }
    package func shutDown(now: Milliseconds) {
        for (index, generation) in generations.enumerated() where !free.contains(UInt32(index)) {
            orders.append(.close(SlotID(index: UInt32(index), generation: generation)))
        }
    }
}
package final class Commons: Sendable {
    package let limits: Limits
    package init(shardCount: Int, limits: Limits) { self.limits = limits }
    package var queuedBytes: Int { 0 }
    package var committedPosition: UInt64 { 0 }
    package var isSettled: Bool { true }
    package var connections: Int { 0 }
}
package struct StoreHealth: Sendable {}
package struct Committer: ~Copyable {
    package var batch = ChangeBatch()
    package var health = StoreHealth()
    package init(commons: Commons, after sysInfo: SysInfoRecord) {}
    package enum Step {
        case commit
        case reopen
        case wait(milliseconds: Int?)
    }
    package mutating func next(now: Milliseconds) -> Step { .wait(milliseconds: nil) }
    package mutating func committed(now: Milliseconds) {}
    package mutating func failed(_ error: StoreError, now: Milliseconds) {}
    package mutating func reopened(now: Milliseconds) {}
    package mutating func takeWakes() -> [Int] { [] }
}
package struct RestoreReport: Sendable {
    package var sessions = 0
    package var subscriptions = 0
    package var retained = 0
    package var queued: UInt64 = 0
}
package enum Restoration {
    package static func restore(
        from store: any Store, shards: [Shard], commons: Commons, now: Milliseconds
    ) throws(StoreError) -> RestoreReport { RestoreReport() }
}
