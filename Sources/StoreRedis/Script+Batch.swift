// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension Script {
    /// Applies a batch. Arguments: owner, turn, acknowledged batch; then batch, session, message, time (20
    /// digits each), lease in milliseconds or 0, `1` for a batch that makes room, how many messages are new;
    /// then the operations, each a letter and its arguments (see `BatchEncoder`).
    ///
    /// Whether there is memory left is asked by Redis before the first command that writes, and never again
    /// in the same script. So the first one decides and must not do anything: `SETRANGE` of nothing may be
    /// refused when the memory is full, `DEL` of nothing never is.
    static let applying = """
        if not less(h[3], A[4]) then return {'OK', h[3]} end
        if A[9] == '1' then call('DEL', P .. 'none') else call('SETRANGE', P .. 'none', 0, '') end
        local session, message, time = h[5], h[6], h[7]
        local clients, subscriptions, deliveries = num(h[8]), num(h[9]), num(h[10])
        local messages, receptions, retained = num(h[11]) + num(A[10]), num(h[12]), num(h[13])
        local references, changed = {}, {}

        \(references)\(operations)
        local i, n = 11, #A
        while i <= n do i = operation[A[i]](i + 1) end

        \(ending)
        """

    /// Counts the deliveries of bodies that are kept apart; nothing is written before the end.
    private static let references = """
        local function load(numbers)
          local unknown = {}
          for i = 1, #numbers do
            if references[numbers[i]] == nil then
              references[numbers[i]] = 0
              unknown[#unknown + 1] = numbers[i]
            end
          end
          for i = 1, #unknown, 500 do
            local last = math.min(i + 499, #unknown)
            local found = call('HMGET', P .. 'references', unpack(unknown, i, last))
            for j = i, last do references[unknown[j]] = num(found[j - i + 1] or 0) end
          end
        end
        local function drop(number)
          deliveries = deliveries - 1
          local r = references[number]
          if r > 0 then
            references[number] = r - 1
            changed[number] = true
          end
          if r <= 1 then messages = messages - 1 end
        end
        local function each(command, key, list)
          for i = 1, #list, 500 do
            call(command, P .. key, unpack(list, i, math.min(i + 499, #list)))
          end
        end

        """

    private static let operations = """
        local operation = {}
        \(fanOutOperation)\(queueOperations)\(sessionOperations)\(retainedOperations)
        """

    /// Members that several queues take, in pieces; see `FanOut`. Nothing comes to one queue twice, or (`0`) what comes
    /// to a queue is gathered first.
    private static let fanOutOperation = """
        operation.F = function(i)
          local isDirect, last = A[i] == '1', i + 1 + num(A[i + 1])
          local gathered, own = {}, {}
          local function insert(session, members)
            local key = P .. 'queue:' .. session
            for j = 1, #members, 400 do
              deliveries = deliveries + call('ZADD', key, unpack(members, j, math.min(j + 399, #members)))
            end
          end
          local function gather(session, members)
            local all = gathered[session]
            if not all then
              gathered[session] = members
              return
            end
            if not own[all] then
              all = {unpack(all)}
              gathered[session], own[all] = all, true
            end
            for j = 1, #members do all[#all + 1] = members[j] end
          end
          local body = isDirect and insert or gather
          for piece = i + 2, last do
            local runs, at, count, sessions = A[piece], 1, 0, ''
            while at <= #runs do
              count, at = struct.unpack('>I4', runs, at)
              local members = {}
              for j = 2, 2 * count, 2 do
                members[j - 1] = '0'
                members[j], at = struct.unpack('>I4c0', runs, at)
              end
              sessions, at = struct.unpack('>I4c0', runs, at)
              for session in string.gmatch(sessions, '%d+') do body(session, members) end
            end
          end
          for session, members in pairs(gathered) do insert(session, members) end
          return last + 1
        end

        """

    /// Entries that are packed begin with a session in digits, a colon, and a number in eight bytes.
    private static let queueOperations = """
        local function list(lists, session)
          local found = lists[session]
          if not found then
            found = {}
            lists[session] = found
          end
          return found
        end
        operation.Z = function(i)
          local n = num(A[i + 1])
          deliveries = deliveries + call('ZADD', P .. 'queue:' .. A[i], unpack(A, i + 2, i + 1 + n))
          return i + 2 + n
        end
        operation.Y = function(i)
          local states = {}
          for session, number, state in string.gmatch(A[i], '(%d+):(........)(...)') do
            local set = list(states, session)
            set[#set + 1] = number
            set[#set + 1] = state
          end
          for session, set in pairs(states) do each('HSET', 'states:' .. session, set) end
          return i + 1
        end
        operation.M = function(i)
          call('HSET', P .. 'message', A[i], A[i + 2])
          call('HSET', P .. 'references', A[i], A[i + 1])
          references[A[i]] = num(A[i + 1])
          return i + 3
        end
        operation.T = function(i)
          for session, number, state in string.gmatch(A[i], '(%d+):(........)(...)') do
            local low = '[' .. number
            if call('ZLEXCOUNT', P .. 'queue:' .. session, low, low .. '\\255') > 0 then
              call('HSET', P .. 'states:' .. session, number, state)
            end
          end
          return i + 1
        end
        operation.R = function(i)
          local sessions, numbers, states = {}, {}, {}
          for session, number in string.gmatch(A[i], '(%d+):(........)') do
            sessions[#sessions + 1] = session
            numbers[#numbers + 1] = number
          end
          load(numbers)
          for j, session in ipairs(sessions) do
            local number = numbers[j]
            local low = '[' .. number
            if call('ZREMRANGEBYLEX', P .. 'queue:' .. session, low, low .. '\\255') > 0 then
              drop(number)
              local removed = list(states, session)
              removed[#removed + 1] = number
            end
          end
          for session, removed in pairs(states) do each('HDEL', 'states:' .. session, removed) end
          return i + 1
        end

        """

    private static let sessionOperations = """
        operation.C = function(i)
          if call('HSET', P .. 'client', A[i], A[i + 2]) == 1 then
            call('ZADD', P .. 'clients', 0, A[i])
            clients = clients + 1
          end
          call('HSET', P .. 'identifiers', A[i + 1], A[i])
          return i + 3
        end
        operation.E = function(i)
          local v = call('HGET', P .. 'client', A[i])
          if v then
            local key = sub(v, 3, 2 + struct.unpack('>H', v))
            call('HDEL', P .. 'client', A[i])
            call('ZREM', P .. 'clients', A[i])
            if call('HGET', P .. 'identifiers', key) == A[i] then call('HDEL', P .. 'identifiers', key) end
            call('ZADD', P .. 'ended', 0, A[i])
            clients = clients - 1
          end
          return i + 1
        end
        operation.W = function(i)
          if call('ZREM', P .. 'ended', A[i]) == 0 then return i + 2 end
          local queue, low = P .. 'queue:' .. A[i + 1], '-'
          while true do
            local rows = call('ZRANGEBYLEX', queue, low, '+', 'LIMIT', 0, 500)
            if #rows == 0 then break end
            local numbers = {}
            for j = 1, #rows do numbers[j] = sub(rows[j], 1, 8) end
            load(numbers)
            for j = 1, #numbers do drop(numbers[j]) end
            low = '(' .. numbers[#numbers] .. '\\255'
          end
          call('UNLINK', queue, P .. 'states:' .. A[i + 1])
          low = '[' .. A[i]
          local filters = call('ZRANGEBYLEX', P .. 'subscriptions', low, low .. string.rep('\\255', 497))
          each('HDEL', 'subscription', filters)
          each('ZREM', 'subscriptions', filters)
          subscriptions = subscriptions - #filters
          receptions = receptions - call('SCARD', P .. 'received:' .. A[i + 1])
          call('UNLINK', P .. 'received:' .. A[i + 1])
          return i + 2
        end
        operation.S = function(i)
          if call('HSET', P .. 'subscription', A[i], A[i + 1]) == 1 then
            call('ZADD', P .. 'subscriptions', 0, A[i])
            subscriptions = subscriptions + 1
          end
          return i + 2
        end
        operation.U = function(i)
          if call('HDEL', P .. 'subscription', A[i]) == 1 then
            call('ZREM', P .. 'subscriptions', A[i])
            subscriptions = subscriptions - 1
          end
          return i + 1
        end
        operation.N = function(i)
          for session, sign, packetID in string.gmatch(A[i], '(%d+)([+-])(%d+)') do
            local key = P .. 'received:' .. session
            if sign == '+' then
              receptions = receptions + call('SADD', key, packetID)
            else
              receptions = receptions - call('SREM', key, packetID)
            end
          end
          return i + 1
        end
        operation.B = function(i)
          call('HSET', P .. 'boots', A[i], A[i + 1])
          return i + 2
        end
        operation.b = function(i)
          call('HDEL', P .. 'boots', A[i])
          return i + 1
        end

        """

    private static let retainedOperations = """
        operation.K = function(i)
          local old = call('HGET', P .. 'retained', A[i])
          if old and less(A[i + 1], sub(old, 1, 20)) then return i + 3 end
          call('HSET', P .. 'retained', A[i], A[i + 2])
          if not old then
            call('ZADD', P .. 'topics', 0, A[i])
            retained = retained + 1
          end
          return i + 3
        end
        operation.k = function(i)
          local old = call('HGET', P .. 'retained', A[i])
          if old and not less(A[i + 1], sub(old, 1, 20)) then
            call('HDEL', P .. 'retained', A[i])
            call('ZREM', P .. 'topics', A[i])
            retained = retained - 1
          end
          return i + 2
        end

        """

    /// Writes what was counted, the lease, and the batch number last.
    private static let ending = """
        local gone, kept = {}, {}
        for number in pairs(changed) do
          local r = references[number]
          if r > 0 then
            kept[#kept + 1] = number
            kept[#kept + 1] = string.format('%.0f', r)
          else
            gone[#gone + 1] = number
          end
        end
        each('HSET', 'references', kept)
        each('HDEL', 'references', gone)
        each('HDEL', 'message', gone)
        if A[8] ~= '0' then call('SET', P .. 'lease', A[1], 'PX', A[8]) end
        local set = {'batch', A[4]}
        local function put(name, old, new)
          if old ~= new then
            set[#set + 1] = name
            set[#set + 1] = new
          end
        end
        local function count(name, old, new)
          if num(old) ~= new then put(name, old, string.format('%.0f', new)) end
        end
        if less(session, A[5]) then put('session', session, A[5]) end
        if less(message, A[6]) then put('message', message, A[6]) end
        if less(time, A[7]) then put('time', time, A[7]) end
        count('clients', h[8], clients)
        count('subscriptions', h[9], subscriptions)
        count('deliveries', h[10], deliveries)
        count('messages', h[11], messages)
        count('receptions', h[12], receptions)
        count('retained', h[13], retained)
        call('HSET', I, unpack(set))
        return {'OK', A[4]}
        """
}
