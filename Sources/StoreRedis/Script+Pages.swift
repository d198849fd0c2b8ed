// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The scripts that only read. Arguments from the fourth on are their own; a page begins with `OK` and `1`
/// when it is the last, or a reason to ask again after its last row.
extension Script {
    var page: String {
        switch self {
        case .client: Self.clientPage
        case .clients: Self.clientsPage
        case .ended: "return {'OK', call('ZRANGEBYLEX', P .. 'ended', '(' .. A[4], '+', 'LIMIT', 0, A[5])}"
        case .subscriptions: Self.subscriptionsPage
        case .subscriptionsOf: Self.subscriptionsOfPage
        case .deliveries: Self.deliveriesPage
        case .receptions: "return {'OK', call('SMEMBERS', P .. 'received:' .. A[4])}"
        case .deliveryCount: "return {'OK', call('ZCARD', P .. 'queue:' .. A[4])}"
        case .packetIDs: "return {'OK', call('HVALS', P .. 'states:' .. A[4])}"
        case .retained: Self.retainedPage
        case .retainedOne: "return {'OK', call('HGET', P .. 'retained', A[4])}"
        case .info: "table.insert(h, 1, 'OK') return h"
        case .boots: "return {'OK', call('HGETALL', P .. 'boots')}"
        case .sessions:
            "return {'OK', call('ZRANGEBYLEX', P .. 'clients', '(' .. A[4], '+', 'LIMIT', 0, A[5])}"
        case .queues: Self.queuesPage
        case .memory: Self.memoryPage
        case .take, .renew, .release, .batch: ""
        }
    }

    /// Arguments: sessions in digits. Answers with session, first message number and length of each queue.
    private static let queuesPage = """
        local out = {'OK'}
        for i = 4, #A do
          local key = P .. 'queue:' .. A[i]
          local count = call('ZCARD', key)
          if count > 0 then
            out[#out + 1] = A[i]
            out[#out + 1] = sub(call('ZRANGEBYLEX', key, '-', '+', 'LIMIT', 0, 1)[1], 1, 8)
            out[#out + 1] = count
          end
        end
        return out
        """

    /// Arguments: how many elements to look at, then keys behind the prefix. Answers with the bytes of each.
    private static let memoryPage = """
        local out = {'OK'}
        for i = 5, #A do out[#out + 1] = call('MEMORY', 'USAGE', P .. A[i], 'SAMPLES', A[4]) or 0 end
        return out
        """

    private static let clientPage = """
        local session = call('HGET', P .. 'identifiers', A[4])
        return {'OK', session and (call('HGET', P .. 'client', session) or '')}
        """

    /// Arguments: session, limit.
    private static let clientsPage = """
        return paired(call('ZRANGEBYLEX', P .. 'clients', '(' .. A[4], '+', 'LIMIT', 0, A[5]), 'client')
        """

    /// Arguments: key, limit. After many ended sessions the page ends before it is full, so that no script
    /// runs for long.
    private static let subscriptionsPage = """
        local low, limit, keys, skips = '(' .. A[4], num(A[5]), {}, 0
        local seen, isEnded
        while #keys < limit do
          local size = math.min(limit - #keys, 500)
          local rows = call('ZRANGEBYLEX', P .. 'subscriptions', low, '+', 'LIMIT', 0, size)
          local skipped = false
          for j = 1, #rows do
            local session = sub(rows[j], 1, 8)
            if session ~= seen then
              seen = session
              isEnded = call('ZSCORE', P .. 'ended', session)
            end
            if isEnded then
              low = '(' .. session .. last
              skips = skips + 1
              skipped = true
              break
            end
            keys[#keys + 1] = rows[j]
            low = '(' .. rows[j]
          end
          if not skipped and #rows < size then break end
          if skips == 1000 then
            local out = paired(keys, 'subscription')
            out[2] = sub(low, 2)
            return out
          end
        end
        return paired(keys, 'subscription')
        """

    /// Arguments: session.
    private static let subscriptionsOfPage = """
        local low = '[' .. A[4]
        return paired(call('ZRANGEBYLEX', P .. 'subscriptions', low, low .. last), 'subscription')
        """

    /// Arguments: key, limit.
    private static let retainedPage = """
        return paired(call('ZRANGEBYLEX', P .. 'topics', '(' .. A[4], '+', 'LIMIT', 0, A[5]), 'retained')
        """

    /// Arguments: session in digits, message number, limit, bytes. Rows are the member of the queue, its body
    /// if that is kept apart, and its state if that has changed. The size of a row is that of payload and
    /// topic: what is left of a message record without its head, its sum, publisher and properties.
    private static let deliveriesPage = """
        local key, low, limit, room = P .. 'queue:' .. A[4], '(' .. A[5] .. '\\255', num(A[6]), num(A[7])
        local out, count, bytes = {'OK', '1'}, 0, 0
        local states = P .. 'states:' .. A[4]
        local isAnyChanged = call('EXISTS', states) == 1
        local window = math.max(1, math.min(limit + 1, 64))
        while true do
          local rows = call('ZRANGEBYLEX', key, low, '+', 'LIMIT', 0, window)
          for j = 1, #rows do
            local row = rows[j]
            local number = sub(row, 1, 8)
            local body, from = row, #row + 1
            if #row >= 13 then from = 14 + struct.unpack('>I4', row, 10) end
            if string.byte(row, 9) == 0 then
              body, from = call('HGET', P .. 'message', number) or '', 1
            end
            local size = #body - from + 1
            if size >= 31 then
              local publisher, properties = struct.unpack('<HI4', body, from + 5)
              size = size - 31 - publisher - properties
            end
            bytes = bytes + size
            if count > 0 and (bytes > room or count >= limit) then
              out[2] = '0'
              return out
            end
            count = count + 1
            local n = #out
            out[n + 1] = row
            out[n + 2] = from == 1 and body or ''
            out[n + 3] = isAnyChanged and call('HGET', states, number) or ''
          end
          if #rows < window then return out end
          low = '(' .. sub(rows[#rows], 1, 8) .. '\\255'
        end
        """
}
