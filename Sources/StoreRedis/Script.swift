// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// What Redis does for the store, each in one step that nothing comes between.
///
/// Every script has one key, the hash `{prefix}:info`, and makes the others from it: a cluster keeps all of
/// them in one slot because of the braces. The answer is an array that begins with a word: `OK`, or why
/// nothing was done (see `Verdict`). Scripts do not raise errors of their own, so an error is always Redis's.
///
/// | Key | Type | Holds |
/// |---|---|---|
/// | `info` | hash | format, epoch, owner with turn, name and place, the counters; numbers in 20 digits |
/// | `lease` | string | there while the owner is alive; expires |
/// | `client` | hash | session → length of the identifier's key, the key, the client record |
/// | `clients` | sorted set | sessions, for pages |
/// | `identifiers` | hash | key of a client identifier → session |
/// | `ended` | sorted set | ended sessions |
/// | `subscription` | hash | session and key of the filter → record |
/// | `subscriptions` | sorted set | the same keys, for pages |
/// | `queue:`session | sorted set | message number, kind, length of the delivery record, the record, a body that is not shared |
/// | `message` | hash | message number → body that is shared or large |
/// | `references` | hash | message number → deliveries of such a body |
/// | `states:`session | hash | message number → packet identifier and state, unless it is queued as it was at first |
/// | `received:`session | set | packet identifiers |
/// | `retained` | hash | key of the topic → message number in 20 digits, record |
/// | `topics` | sorted set | the same keys, for pages |
/// | `boots` | hash | number → time |
///
/// Sorted sets have no scores: a score is a double, which is exact up to 2⁵³ only. Their members begin with
/// numbers in eight bytes, the high one first, and are read by lexical ranges. Lua's numbers are doubles too,
/// and its comparison of strings depends on the locale, so `less` compares two halves of ten digits.
enum Script: Int, CaseIterable {
    case take, renew, release, batch
    case client, clients, ended, subscriptions, subscriptionsOf, deliveries, receptions, deliveryCount
    case packetIDs, retained, retainedOne, info, boots
    case sessions, queues, memory

    /// The text of the script.
    var source: String {
        switch self {
        case .take: Self.head + Self.permitting(Self.commands) + Self.taking
        case .renew: Self.head + Self.guarding + Self.renewing
        case .release: Self.head + Self.guarding + Self.releasing
        case .batch:
            Self.head + Self.guarding + Self.permitting(Self.commands(in: Self.applying)) + Self.applying
        default: Self.head + Self.watching + Self.unpacking + page
        }
    }

    /// The counters in `info` in the order in which scripts read them.
    static let counters = [
        "session", "message", "time", "clients", "subscriptions", "deliveries", "messages", "receptions",
        "retained",
    ]

    /// What the scripts call, in alphabetic order: a user of Redis who may not run one of these is of no use. Only
    /// inspection asks for memory.
    static let commands = Set(
        [taking, guarding, renewing, releasing, applying].flatMap { commands(in: $0) }
            + allCases.filter { $0 != .memory }.flatMap { commands(in: $0.page) }
    ).sorted()

    private static func commands(in source: String) -> [String] {
        let calls =
            source.split(separator: "call('").dropFirst() + source.split(separator: "each('").dropFirst()
        return Set(calls.map { String($0.prefix { $0 != "'" }) }).sorted()
    }

    /// A command that is denied in the middle of a script leaves a part of its work done, so Redis is asked before.
    /// Redis 7 and later can tell. Some commands take every argument for a key, so each is one of ours.
    private static func permitting(_ commands: [String]) -> String {
        """
        if redis.acl_check_cmd then
          local K = P .. 'client'
          for _, name in ipairs({'\(commands.joined(separator: "', '"))'}) do
            if not redis.acl_check_cmd(name, K, K, K, K) then return {'DENIED', name} end
          end
        end

        """
    }

    private static let head = """
        local A, I, call = ARGV, KEYS[1], redis.call
        local P = string.sub(I, 1, -5)
        local sub, num = string.sub, tonumber
        local function less(a, b)
          local x, y = num(sub(a, 1, 10)), num(sub(b, 1, 10))
          return x < y or (x == y and num(sub(a, 11)) < num(sub(b, 11)))
        end

        """

    /// Refuses whoever is not the owner, and what is not the state that the owner has seen. Only writers name
    /// their turn: a reader may ask while the owner takes its next one.
    private static let guarding = """
        local h = call('HMGET', I, 'owner', 'turn', 'batch', 'name', 'session', 'message', 'time', 'clients',
          'subscriptions', 'deliveries', 'messages', 'receptions', 'retained')
        if not h[1] or not h[3] then return {'GONE'} end
        if h[1] ~= A[1] or h[2] == '0' or (A[2] ~= '' and h[2] ~= A[2]) then return {'FENCED', h[4] or ''} end
        if less(h[3], A[3]) then return {'OLDER', h[3]} end

        """

    /// As `guarding`; who names no owner looks at whatever is there.
    private static let watching = """
        local h = call('HMGET', I, 'owner', 'turn', 'batch', 'name', 'session', 'message', 'time', 'clients',
          'subscriptions', 'deliveries', 'messages', 'receptions', 'retained')
        if not h[1] or not h[3] then return {'GONE'} end
        if A[1] ~= '' and (h[1] ~= A[1] or h[2] == '0') then return {'FENCED', h[4] or ''} end
        if less(h[3], A[3]) then return {'OLDER', h[3]} end

        """

    /// Commands take no more arguments than fit on Lua's stack, so long lists are cut.
    private static let unpacking = """
        local function values(hash, fields)
          local found = {}
          for i = 1, #fields, 500 do
            local part = call('HMGET', P .. hash, unpack(fields, i, math.min(i + 499, #fields)))
            for j = 1, #part do found[i + j - 1] = part[j] or '' end
          end
          return found
        end
        local function paired(keys, hash)
          local found, out = values(hash, keys), {'OK', '1'}
          for i = 1, #keys do
            out[#out + 1] = keys[i]
            out[#out + 1] = found[i]
          end
          return out
        end
        local last = string.rep('\\255', 497)

        """
}

/// Who may write: one owner at a time.
extension Script {
    /// Arguments: owner, turn, acknowledged batch, name, lease in milliseconds, known epoch or nothing, new
    /// epoch, format, whether the owner was one before, its place, an owner that has ended for certain.
    fileprivate static let taking = """
        local h = call('HMGET', I, 'format', 'epoch', 'batch', 'owner', 'turn', 'name', 'place')
        if not h[1] then
          if A[6] ~= '' then return {'GONE'} end
          for _, key in ipairs({'client', 'subscription', 'message', 'retained', 'boots', 'ended'}) do
            if call('EXISTS', P .. key) == 1 then return {'HEADLESS', key} end
          end
        else
          if num(h[1]) > num(A[8]) then return {'NEWER', h[1]} end
          if A[6] ~= '' and h[2] ~= A[6] then return {'REPLACED'} end
          if less(h[3], A[3]) then return {'OLDER', h[3]} end
          if A[9] == '1' and h[4] ~= A[1] then return {'TAKEN', h[6]} end
          if h[4] == A[1] and num(h[5] or 0) >= num(A[2]) then return {'FENCED', h[6]} end
          if h[4] ~= A[1] and h[4] ~= A[11] and call('EXISTS', P .. 'lease') == 1 then
            return {'HELD', h[6], h[4], h[7] or ''}
          end
        end
        call('DEL', P .. 'none')
        if not h[1] then
          local zero = '00000000000000000000'
          call('HSET', I, 'format', A[8], 'epoch', A[7], 'batch', zero, 'session', zero, 'message', zero,
            'time', zero, 'clients', 0, 'subscriptions', 0, 'deliveries', 0, 'messages', 0, 'receptions', 0,
            'retained', 0)
        end
        call('HSET', I, 'owner', A[1], 'turn', A[2], 'name', A[4], 'place', A[10])
        call('SET', P .. 'lease', A[1], 'PX', A[5])
        return {'OK', h[2] or A[7], h[3] or '00000000000000000000'}
        """

    /// Arguments: owner, turn, acknowledged batch, lease in milliseconds. A removal comes first because Redis
    /// looks at its memory before the first command of a script that writes, and lets removals pass.
    fileprivate static let renewing = """
        call('DEL', P .. 'none')
        call('SET', P .. 'lease', A[1], 'PX', A[4])
        return {'OK'}
        """

    /// Arguments: owner, turn, acknowledged batch.
    fileprivate static let releasing = """
        call('DEL', P .. 'lease')
        call('HSET', I, 'turn', 0)
        return {'OK'}
        """
}
