// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    /// Seeds of the random histories; a failure names its seed.
    private static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6]

    static let randomChecks: [Check] = seeds.map { seed in
        Check("A random history leaves what a plain model says after each batch (seed \(seed))") { trial in
            var history = History(seed: seed)
            for _ in 0..<50 {
                trial.pageLimit = Int(history.random.next(12)) + 1
                let operations = history.operations(trial.model)
                try trial.commit(operations, time: Milliseconds(history.random.next(1_000)))
                try trial.compare()
                if history.random.next(10) == 0 { try trial.restart() }
            }
        }
    }
}

/// SplitMix64: small, and the same everywhere.
struct SeededRandom {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A number below `bound`.
    mutating func next(_ bound: UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return (mixed ^ mixed >> 31) % bound
    }
}

/// Makes operations that an engine could make: it knows the model, so that most of them mean something.
private struct History {
    var random: SeededRandom
    private var lastSession: SessionNumber = 0
    private var lastMessage: MessageNumber = 0
    private var boots: UInt64 = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    /// The operations of one batch; `model` is what the earlier batches have left.
    mutating func operations(_ model: Model) -> [Operation] {
        var model = model
        var operations: [Operation] = []
        for _ in 0...random.next(25) {
            guard let operation = operation(model) else { continue }
            model.apply(operation)
            operations.append(operation)
        }
        return operations
    }

    private mutating func operation(_ model: Model) -> Operation? {
        switch random.next(17) {
        case 0: return newClient(model)
        case 1: return changedClient(model)
        case 2: return .sessionEnd(anySession)
        case 3: return .sessionSwept(anySession)
        case 4: return subscription(model)
        case 5: return .unsubscription(anySession, filter)
        case 6, 7, 8: return publish(model)
        case 9: return state(model)
        case 10, 11: return removal(model)
        case 12: return member(model).map { .reception($0, packetID) }
        case 13: return .release(anySession, packetID)
        case 14: return retained()
        case 15: return .bootRemoval(random.next(boots + 2))
        default:
            boots += 1
            return .boot(boots, Milliseconds(random.next(1 << 40)))
        }
    }

    private var anySession: SessionNumber { mutating get { random.next(lastSession + 2) } }
    private var packetID: UInt16 { mutating get { UInt16(random.next(4) * 21_845) } }
    private var filter: Text { mutating get { text(["a", "a/b", "+", "#", "ä/船"]) } }

    private mutating func text(_ short: [Text]) -> Text {
        let index = Int(random.next(UInt64(short.count + 2)))
        return index < short.count ? short[index] : StoreConformance.longText(600, ending: "\(index)")
    }

    private mutating func member(_ model: Model) -> SessionNumber? {
        let members = model.clients.keys.sorted() + model.ended.sorted()
        return members.isEmpty ? nil : members[Int(random.next(UInt64(members.count)))]
    }

    private mutating func newClient(_ model: Model) -> Operation? {
        let clientID = text(["one", "two", "three", "four", "five"])
        guard !model.clients.values.contains(where: { $0.clientID == clientID }) else { return nil }
        lastSession += 1
        return .client(Sample.client(lastSession, clientID))
    }

    private mutating func changedClient(_ model: Model) -> Operation? {
        guard let session = member(model), var record = model.clients[session] else { return nil }
        record.boot = random.next(9)
        record.will = random.next(2) == 0 ? nil : WillRecord(topic: "w", payload: [1])
        return .client(record)
    }

    private mutating func subscription(_ model: Model) -> Operation? {
        guard let session = member(model) else { return nil }
        var record = Sample.subscription(session, filter)
        record.identifier = UInt32(random.next(100))
        return .subscription(record)
    }

    private mutating func publish(_ model: Model) -> Operation? {
        let members = (model.clients.keys.sorted() + model.ended.sorted()).filter { _ in random.next(2) == 0 }
        if members.isEmpty { return nil }
        lastMessage += 1 + random.next(2)
        var message = Sample.message("\(lastMessage)")
        if random.next(8) == 0 { message.payload = [UInt8](repeating: 9, count: Int(random.next(6_000))) }
        return .publish(members.map { DeliveryRecord(session: $0, number: lastMessage, message: message) })
    }

    private mutating func delivery(_ model: Model) -> Model.DeliveryKey? {
        let keys = model.deliveries.keys.sorted { ($0.session, $0.number) < ($1.session, $1.number) }
        return keys.isEmpty ? nil : keys[Int(random.next(UInt64(keys.count)))]
    }

    private mutating func state(_ model: Model) -> Operation? {
        guard let key = delivery(model) else { return nil }
        let state = DeliveryState.allCases[Int(random.next(3))]
        return .deliveryState(key.session, key.number, packetID: packetID, state)
    }

    private mutating func removal(_ model: Model) -> Operation? {
        if random.next(8) == 0 { return .removal(anySession, random.next(lastMessage + 1)) }
        return delivery(model).map { .removal($0.session, $0.number) }
    }

    private mutating func retained() -> Operation {
        let topic = text(["t", "t/u", "ü"])
        let number = random.next(lastMessage + 5)
        lastMessage = max(lastMessage, number)
        return random.next(3) == 0
            ? .retainedRemoval(topic, number) : .retained(Sample.retained(topic, number))
    }
}
