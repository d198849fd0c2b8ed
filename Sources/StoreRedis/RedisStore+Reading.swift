// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence
import Synchronization

extension RedisStore: ReadableStore {
    /// Connects and takes nothing: the prefix stays with whoever has it, who may be a broker that goes on writing. A
    /// read-only replica will do.
    package func openForReading() throws(StoreError) {
        let connection: Connection
        let settings: ServerSettings
        do throws(RedisFailure) {
            connection = try Connection(options)
            settings = try ServerSettings(connection)
        } catch {
            throw error.opening(location)
        }
        try requireFormat(connection)
        durabilityInForce.withLock { $0 = settings.durability }
        isReading.store(true, ordering: .relaxed)
        readers.open()
    }

    /// What is in force: Redis decides.
    package func recordedDurability() throws(StoreError) -> Durability? { durability }

    private func requireFormat(_ connection: Connection) throws(StoreError) {
        let format: String?
        do throws(RedisFailure) {
            format = try connection.send(["HGET", options.keyPrefix + "info", "format"])
                .read { $0.isNil ? nil : $0.text }
        } catch {
            throw error.opening(location)
        }
        guard let format else {
            throw StoreError(
                .unavailable,
                "\(location) has nothing under the prefix \(options.prefix): no broker has ever written to it."
            )
        }
        guard let version = UInt32(format), version <= Self.formatVersion else {
            throw StoreError(
                .newerFormat,
                "\(location) has format \(format), which is newer than this Roost. It was not touched.")
        }
    }
}

extension Claim {
    /// The first arguments of a script that is run without any right: no owner, no turn, nothing acknowledged.
    static let nobody = ["", "", UInt64(0).padded]
}
