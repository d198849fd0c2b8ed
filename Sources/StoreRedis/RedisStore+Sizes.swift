// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

/// Redis estimates what a key takes from some of its elements (`MEMORY USAGE`). The keys of single sessions are as many
/// as there are sessions: the longest queues are asked for one by one, and what a delivery takes in some of the others
/// stands for the rest.
extension RedisStore: SizedStore {
    private static let longestMax = 64
    private static let samplesMax = 256
    /// Elements of one key that are looked at.
    private static let elementsMax = 32
    /// What a packet identifier and its share of a set take.
    private static let receptionBytes = 64

    /// See `SizedStore`; the cost rises with the number of sessions that have a queue, not with what is in it.
    package func sizes() throws(StoreError) -> StoreSizes {
        var sizes = StoreSizes()
        sizes.medium = .memory
        sizes.clients = try bytes(of: ["client", "clients", "identifiers"]).reduce(0, +)
        sizes.subscriptions = try bytes(of: ["subscription", "subscriptions"]).reduce(0, +)
        sizes.messages = try bytes(of: ["message", "references"]).reduce(0, +)
        sizes.retained = try bytes(of: ["retained", "topics"]).reduce(0, +)
        sizes.other = try bytes(of: ["info", "lease", "ended", "boots"]).reduce(0, +)
        sizes.receptions = Int(clamping: try sysInfo().receptionCount) * Self.receptionBytes
        sizes.deliveries = try deliveryBytes()
        sizes.estimate = "Estimated from samples. \(try server())"
        return sizes
    }

    private func deliveryBytes() throws(StoreError) -> Int {
        var sample = QueueSample(longestMax: Self.longestMax, othersMax: Self.samplesMax)
        try forEachQueue { sample.add($0) }
        let longest = try bytes(of: sample.longest)
        guard sample.otherCount > 0 else { return longest }
        let sampled = max(1, sample.others.reduce(0) { $0 + Double($1.countMax) })
        let others = Double(try bytes(of: sample.others)) / sampled * Double(sample.otherCount)
        return longest + Int(others)
    }

    private func bytes(of queues: [QueueSummary]) throws(StoreError) -> Int {
        let keys = queues.flatMap { ["queue:\($0.session)", "states:\($0.session)"] }
        return try bytes(of: keys).reduce(0, +)
    }

    private func bytes(of keys: [String]) throws(StoreError) -> [Int] {
        try read(.memory, [.number(Self.elementsMax)] + keys.map { .text($0) }) { reply in
            reply.elements.dropFirst().map { Int($0.integer) }
        }
    }

    /// What the server says about itself, which may hold more than this store.
    private func server() throws(StoreError) -> String {
        let reply = try readers.exchange { (connection) throws(RedisFailure) in
            try connection.send(["INFO"])
        }
        let lines = reply.read { $0.text }.split(whereSeparator: \.isNewline)
        func number(_ name: String) -> Int? {
            lines.first { $0.hasPrefix(name + ":") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        }
        let memory = number("used_memory").map { "The whole server uses \($0) bytes of memory" } ?? ""
        let file = number("aof_current_size").map { " and \($0) bytes of append-only file" } ?? ""
        return memory + file + "."
    }
}

/// The longest queues, and some of the others.
struct QueueSample {
    private let longestMax: Int
    private let othersMax: Int
    /// The longest first.
    private(set) var longest: [QueueSummary] = []
    /// Every so many-th of those that are not among the longest.
    private(set) var others: [QueueSummary] = []
    /// Deliveries in all queues that are not among the longest.
    private(set) var otherCount: UInt64 = 0
    private var step = 1
    private var seen = 0

    init(longestMax: Int, othersMax: Int) {
        self.longestMax = longestMax
        self.othersMax = othersMax
    }

    mutating func add(_ queue: QueueSummary) {
        let place = longest.firstIndex { $0.countMax < queue.countMax } ?? longest.count
        longest.insert(queue, at: place)
        if longest.count > longestMax { addOther(longest.removeLast()) }
    }

    private mutating func addOther(_ queue: QueueSummary) {
        otherCount += queue.countMax
        if seen % step == 0 { others.append(queue) }
        seen += 1
        guard others.count > othersMax else { return }
        others = others.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        step *= 2
    }
}
