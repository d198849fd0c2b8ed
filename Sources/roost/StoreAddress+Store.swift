// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import Server
import StoreLMDB
import StoreMemory
import StoreRedis
import StoreSQLite
import StoreTools

/// From an address to a store.
extension StoreAddress {
    /// The store, not open. A sentence about each record that cannot be read goes to `onCorruptRecord`. Redis promises
    /// what its own settings say, whatever `durability` is. `standby` is how long Redis is asked for a prefix that
    /// another broker has, and `owner` what others are told about who has it; `nil` for the store's own choice.
    func makeStore(
        _ durability: Durability, standby: Duration? = nil, owner: String? = nil,
        onCorruptRecord: @escaping @Sendable (String) -> Void
    ) throws -> any Store {
        switch scheme {
        case .memory: return MemoryStore()
        case .sqlite:
            var options = SQLiteStore.Options()
            options.onCorruptRecord = onCorruptRecord
            return SQLiteStore(path: rest, durability: durability, options: options)
        case .lmdb:
            FaultSentence.install()
            var options = LMDBStore.Options()
            options.onCorruptRecord = onCorruptRecord
            return LMDBStore(path: rest, durability: durability, options: options)
        case .redis, .rediss, .redisUnix:
            var options = try RedisStore.Options(text)
            options.onCorruptRecord = onCorruptRecord
            if let standby { options.standbyMax = standby }
            options.ownerName = owner
            return RedisStore(options)
        }
    }

    /// Makes the directory that is to hold the data if its own parent exists; deeper paths are more likely a mistake.
    func makeParent() throws(BrokerError) {
        guard scheme == .sqlite || scheme == .lmdb else { return }
        guard let slash = rest.lastIndex(of: "/"), slash != rest.startIndex else { return }
        let directory = String(rest[..<slash])
        guard mkdir(directory, 0o750) != 0, errno != EEXIST else { return }
        let reason = String(cString: strerror(errno))
        throw BrokerError(
            .store,
            "The directory \(directory) for the database cannot be made (\(reason)); make it, or choose another with --store (or as the argument)."
        )
    }

    /// Whether both lead to one file, however they are written. Of Redis only Redis can tell.
    func isSameFile(as other: StoreAddress) -> Bool {
        guard let identity = fileIdentity else { return false }
        return identity == other.fileIdentity
    }

    /// Tells a file from every other one, under whichever name.
    struct FileIdentity: Hashable {
        var device: dev_t
        var inode: ino_t
    }

    /// That of the file that is there now; `nil` when there is none, and for Redis.
    var fileIdentity: FileIdentity? {
        var status = stat()
        guard let file, stat(file, &status) == 0 else { return nil }
        return FileIdentity(device: status.st_dev, inode: status.st_ino)
    }

    /// The file that is there when the store is.
    private var file: String? {
        switch scheme {
        case .sqlite: rest
        case .lmdb: rest + "/data.mdb"
        case .redis, .rediss, .redisUnix, .memory: nil
        }
    }

    /// Throws when there is nothing at the address; opening a store would make an empty one.
    func requireFile() throws(ToolError) {
        guard scheme != .memory else {
            throw ToolError("A memory store ends with its broker, so there is nothing to read in memory:.")
        }
        guard let path = file else { return }
        guard access(path, F_OK) != 0 else { return }
        throw ToolError("\(path) cannot be opened: \(String(cString: strerror(errno))).")
    }
}
