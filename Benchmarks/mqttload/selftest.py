#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Tests mqttload against a small broker of its own that makes faults on purpose.

The broker here is slow and simple, but strict: it reports every rule of the
specification that mqttload breaks (packet ids, window, acks, properties), and
each fault it makes must show up in mqttload's counters, exactly where possible.
"""
import asyncio
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MQTTLOAD = os.environ.get("MQTTLOAD", os.path.join(HERE, "mqttload"))


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


def packet(first, body):
    return bytes([first]) + varint(len(body)) + body


def matches(filt, topic):
    f, t = filt.split("/"), topic.split("/")
    for i, level in enumerate(f):
        if level == "#":
            return True
        if i >= len(t) or level not in ("+", t[i]):
            return False
    return len(f) == len(t)


class Session:
    def __init__(self):
        self.filters, self.queue, self.conn = {}, [], None
        self.out, self.pid = {}, 0              # unacknowledged deliveries


class Broker:
    """fault: what to do wrong; every: how often."""

    def __init__(self, fault=None, every=50, recv_max=None):
        self.fault, self.every, self.recv_max = fault, every, recv_max
        self.sessions, self.shares, self.retained = {}, {}, {}
        self.errors, self.faults, self.count, self.held = [], 0, 0, None

    def now(self):
        """True each `every`-th time: make the fault now."""
        self.count += 1
        if self.count % self.every == 0:
            self.faults += 1
            return True
        return False

    def route(self, topic, payload, qos):
        shared = {}
        for s in self.sessions.values():
            for filt, sub_qos in s.filters.items():
                if filt.startswith("$share/"):
                    if matches(filt.split("/", 2)[2], topic):
                        shared.setdefault(filt, []).append((s, sub_qos))
                elif matches(filt, topic):
                    self.deliver(s, topic, payload, min(qos, sub_qos))
        for filt, members in shared.items():
            n = self.shares[filt] = self.shares.get(filt, 0) + 1
            s, sub_qos = members[n % len(members)]
            self.deliver(s, topic, payload, min(qos, sub_qos))

    def deliver(self, s, topic, payload, qos, retain=0):
        if self.fault == "drop" and self.now():
            return
        if self.fault == "corrupt" and self.now():
            payload = payload[:-1] + b"!"
        if self.fault == "misroute" and self.now():
            s = next(o for o in self.sessions.values() if o is not s and o.filters)
        if self.fault == "swap":
            if self.held:
                held, self.held = self.held, None
                if held[0] is s:
                    s.queue.append((topic, payload, qos, retain))
                    topic, payload, qos, retain = held[1:]
                else:
                    held[0].queue.append(held[1:])
                    self.pump(held[0])
            elif self.now():
                self.held = (s, topic, payload, qos, retain)
                return
        s.queue.append((topic, payload, qos, retain))
        if self.fault == "twice" and self.now():
            s.queue.append((topic, payload, qos, retain))
        self.pump(s)

    def pump(self, s):
        c = s.conn
        while s.queue and c and c.up:
            topic, payload, qos, retain = s.queue[0]
            if qos and len(s.out) >= c.client_max and self.fault != "ignore-max":
                return
            s.queue.pop(0)
            props = b"" if c.level < 5 else b"\0"
            if self.fault == "alias" and c.level == 5 and self.now():
                props = b"\x03\x23\x00\x01"
            pid = b""
            if qos:
                s.pid = s.pid % 65535 + 1
                while s.pid in s.out:
                    s.pid = s.pid % 65535 + 1
                s.out[s.pid] = [qos, None, "publish"]
                pid = struct.pack(">H", s.pid)
            name = topic.encode()
            body = struct.pack(">H", len(name)) + name + pid + props + payload
            s_out = packet(0x30 | qos << 1 | retain, body)
            c.write(s_out)
            if qos:
                s.out[s.pid][1] = body
            if self.fault == "repeat" and qos and self.now():
                c.write(packet(0x38 | qos << 1, body))
                if qos == 1:
                    c.extra_acks += 1
            if self.fault == "reuse" and qos == 2 and self.now():
                c.write(packet(0x30 | qos << 1, body))


class Connection(asyncio.Protocol):
    def __init__(self, broker):
        self.b, self.buf, self.up, self.level = broker, b"", False, 0
        self.inflight, self.acks, self.session, self.done = {}, [], None, False
        self.client_max, self.extra_acks, self.timer = 65535, 0, None

    def connection_made(self, transport):
        self.t = transport

    def write(self, data):
        if not self.t.is_closing():
            self.t.write(data)

    def wrong(self, text):
        self.b.errors.append(text)

    def connection_lost(self, _):
        self.up = False
        if not self.done and self.b.fault != "close":
            self.wrong("closed without DISCONNECT")
        s = self.session
        if s and s.conn is self:
            s.conn = None
            if self.clean:
                self.b.sessions.pop(self.id, None)

    def data_received(self, data):
        self.buf += data
        while len(self.buf) >= 2:
            n, shift, i = 0, 0, 1
            while i < len(self.buf):
                n |= (self.buf[i] & 127) << shift
                shift += 7
                i += 1
                if not self.buf[i - 1] & 128:
                    break
            else:
                return
            if len(self.buf) < i + n:
                return
            first, body = self.buf[0], self.buf[i:i + n]
            self.buf = self.buf[i + n:]
            if self.done:
                self.wrong("data after DISCONNECT")
            self.handle(first, body)

    def properties(self, body, at):
        """(dict of the properties used here, offset behind them)"""
        if self.level < 5:
            return {}, at
        n, shift = 0, 0
        while True:
            byte = body[at]
            n |= (byte & 127) << shift
            shift, at = shift + 7, at + 1
            if not byte & 128:
                break
        end, found = at + n, {}
        while at < end:
            key = body[at]
            size = {0x11: 4, 0x21: 2, 0x22: 2, 0x23: 2}.get(key)
            if key == 0x26:
                size = 2 + struct.unpack_from(">H", body, at + 1)[0]
                size += 2 + struct.unpack_from(">H", body, at + 1 + size)[0]
            if size is None:
                self.wrong(f"property {key:#x}")
                return found, end
            found[key] = body[at + 1:at + 1 + size]
            at += 1 + size
        if at != end:
            self.wrong("property length")
        return found, end

    def handle(self, first, body):
        kind, flags, b = first >> 4, first & 15, self.b
        if not self.up and kind != 1:
            self.wrong("not CONNECT first")
        if kind == 1:
            size = struct.unpack_from(">H", body)[0]
            name, self.level = body[2:2 + size], body[2 + size]
            if (name, self.level) not in ((b"MQIsdp", 3), (b"MQTT", 4), (b"MQTT", 5)):
                self.wrong(f"protocol {name} {self.level}")
            self.clean = bool(body[3 + size] & 2)
            props, at = self.properties(body, 6 + size)
            if 0x22 in props:
                self.wrong("Topic Alias Maximum sent")
            if 0x21 in props:
                self.client_max = struct.unpack(">H", props[0x21])[0]
            if self.level == 5 and not self.clean and 0x11 not in props:
                self.wrong("no session expiry")
            self.id = body[at + 2:].decode()
            if len(self.id) > 23:
                self.wrong("client id too long")
            present = self.id in b.sessions and not self.clean
            if not present or b.fault == "forget":
                b.sessions[self.id] = Session()
            s = self.session = b.sessions[self.id]
            s.conn, self.up = self, True
            props = b""
            if self.level == 5:
                props = b"\0" if not b.recv_max else b"\x03\x21" + struct.pack(">H", b.recv_max)
            self.write(packet(0x20, bytes([present and b.fault != "forget", 0]) + props))
            for pid, (qos, out, _) in list(s.out.items()):
                self.write(packet(0x38 | qos << 1, out))        # again, with DUP
                b.faults += 1
            b.pump(s)
        elif kind == 3:
            self.publish(flags, body)
        elif kind in (4, 5, 7):                 # the client's acks of deliveries
            pid = struct.unpack_from(">H", body)[0]
            s, state = self.session, {4: "publish", 5: "publish", 7: "released"}[kind]
            out = s.out.get(pid)
            if not out or out[2] != state or (kind == 4) != (out[0] == 1):
                if kind == 4 and self.extra_acks:
                    self.extra_acks -= 1
                elif b.fault not in ("repeat", "reuse"):
                    self.wrong(f"ack {kind} for {pid}: {out and out[2]}")
            elif kind == 5:
                out[2] = "released"
                self.write(packet(0x62, body[:2]))
            else:
                del s.out[pid]
                b.pump(s)
        elif kind == 6:
            pid = struct.unpack_from(">H", body)[0]
            if flags != 2 or self.inflight.get(pid) != "received":
                self.wrong("PUBREL")
            self.inflight[pid] = "released"
            self.ack(0x70, pid)
        elif kind == 8:
            pid = struct.unpack_from(">H", body)[0]
            if flags != 2 or not pid:
                self.wrong("SUBSCRIBE")
            _, at = self.properties(body, 2)
            codes, filters = [], []
            while at < len(body):
                n = struct.unpack_from(">H", body, at)[0]
                filters.append((body[at + 2:at + 2 + n].decode(), body[at + 2 + n]))
                codes.append(filters[-1][1])
                at += 3 + n
            if not codes or at != len(body):
                self.wrong("SUBSCRIBE length")
            self.write(packet(0x90, body[:2] + (b"\0" if self.level == 5 else b"") + bytes(codes)))
            for filt, qos in filters:
                self.session.filters[filt] = qos
                for topic, (payload, pub_qos) in b.retained.items():
                    if matches(filt, topic):
                        b.deliver(self.session, topic, payload, min(qos, pub_qos), 1)
        elif kind == 12:
            self.write(b"\xd0\0")
        elif kind == 14:
            self.done = True
            self.t.close()
        else:
            self.wrong(f"packet type {kind}")

    def publish(self, flags, body):
        b, qos = self.b, flags >> 1 & 3
        n = struct.unpack_from(">H", body)[0]
        topic, at, pid = body[2:2 + n].decode(), 2 + n, 0
        if not topic or flags & 8 or qos == 3:
            self.wrong("PUBLISH flags or topic")
        if qos:
            pid, at = struct.unpack_from(">H", body, at)[0], at + 2
            if not pid or pid in self.inflight:
                self.wrong(f"packet id {pid} used while in flight")
            self.inflight[pid] = "published"
            if self.level == 5 and len(self.inflight) > (b.recv_max or 65535):
                self.wrong("our Receive Maximum exceeded")
        props, at = self.properties(body, at)
        if 0x23 in props:
            self.wrong("topic alias")
        payload = body[at:]
        if b.fault == "close" and b.now():
            self.t.abort()
            return
        if flags & 1:
            b.retained.pop(topic, None)
            if payload:
                b.retained[topic] = (payload, qos)
        if b.fault == "refuse" and qos and self.level == 5 and b.now():
            del self.inflight[pid]
            self.write(packet(0x40 if qos == 1 else 0x50, body[2 + n:4 + n] + b"\x97\0"))
            return
        b.route(topic, payload, qos)
        if b.fault == "no-ack" and b.now():
            return
        if qos == 1:
            self.ack(0x40, pid)
        elif qos == 2:
            self.inflight[pid] = "received"
            self.ack(0x50, pid)

    def ack(self, first, pid):
        """Acks go out 2 ms later, so the client's window really fills."""
        self.acks.append((first, pid))
        if not self.timer:
            self.timer = asyncio.get_running_loop().call_later(0.002, self.flush)

    def flush(self):
        self.timer = None
        acks, self.acks = self.acks, []
        if self.b.fault == "shuffle":
            acks.reverse()
        for first, pid in acks:
            if first != 0x50:
                self.inflight.pop(pid, None)
            self.write(packet(first, struct.pack(">H", pid)))


async def run(args, drain, **broker_args):
    broker = Broker(**broker_args)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(broker), "127.0.0.1", 0, backlog=500)
    port = server.sockets[0].getsockname()[1]
    p = await asyncio.create_subprocess_exec(
        MQTTLOAD, *args.split(), "--port", str(port), "--json", "--drain", str(drain),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(p.communicate(), 60)
    server.close()
    text = out.decode().strip()
    return p.returncode, json.loads(text) if text else None, broker, err.decode()


# Fault-free runs: everything arrives, and mqttload breaks no rule.
CLEAN = [
    *(f"pairs --messages 3000 --clients 5 --qos {q} --mqtt {v} --verify"
      for q in (0, 1, 2) for v in (3, 4, 5)),
    "pairs --messages 2000 --clients 2 --qos 1 --mqtt 5 --recv-max 3 --user-props 4 --topics 7",
    "pairs --messages 2000 --clients 2 --qos 2 --mqtt 5 --recv-max 3 --size 16",
    "pairs --messages 2000 --clients 2 --qos 2 --sub-qos 1",
    "pairs --messages 70000 --clients 1 --qos 1 --sub-qos 0 --window 333",       # ids wrap
    "pairs --messages 8 --clients 2 --size 2000000 --verify",
    "fanin --messages 2000 --clients 7",
    "fanin --messages 2000 --clients 7 --share 3 --mqtt 5 --qos 1",
    "fanout --messages 100 --clients 20 --pubs 3 --qos 1",
    "connect --clients 200 --hold 0.1 --with-sub",
    "retain --topics 1000 --qos 1 --subs 2 --mqtt 5",
    "offline --messages 2000 --clients 5",
    "offline --messages 2000 --clients 5 --mqtt 5 --qos 2",
    "mix --clients 50 --messages 200 --rate 1000",
    "latency --messages 500 --rate 1000 --clients 3 --qos 1",
    "wild --messages 300 --subscriptions 400 --clients 8",
    "durable --messages 2000 --clients 4 --mqtt 5",
    "durable --messages 2000 --clients 4 --detached",
]

# args, broker, exit status, {counter: what it must be}; "faults" is the number
# of faults the broker made, "some" any number above 0.
P = "pairs --messages 3000 --clients 3 "
FAULTY = [
    (P + "--qos 0", dict(fault="drop"), 1, dict(lost="faults", duplicated=0)),
    (P + "--qos 0 --allow-loss 5", dict(fault="drop"), 0, dict(lost="faults")),
    (P + "--qos 0 --inflight-limit 20", dict(fault="drop", every=10), 1, dict(lost="faults")),
    (P + "--qos 1", dict(fault="drop"), 1, dict(lost="faults")),
    (P + "--qos 1", dict(fault="twice"), 0, dict(lost=0, duplicated="faults")),
    (P + "--qos 2", dict(fault="twice"), 1, dict(lost=0, duplicated="faults")),
    (P + "--qos 1", dict(fault="repeat"), 0, dict(lost=0, duplicated="faults", dup_flag="faults")),
    (P + "--qos 2", dict(fault="repeat"), 0, dict(lost=0, duplicated=0, qos2_repeats="faults")),
    (P + "--qos 2", dict(fault="reuse"), 1, dict(packet_id_reuse="faults")),
    ("pairs --messages 3000 --clients 1", dict(fault="swap"), 1, dict(lost=0, reordered="faults")),
    ("fanin --messages 3000 --clients 1 --share 1", dict(fault="swap"), 0, dict(lost=0, reordered=0)),
    (P, dict(fault="misroute"), 1, dict(lost="faults", unexpected="faults")),
    (P + "--verify", dict(fault="corrupt"), 1, dict(lost=0, corrupt="faults")),
    (P + "--mqtt 5", dict(fault="alias"), 1, dict(lost=0, topic_alias="faults")),
    (P + "--mqtt 5 --qos 1 --recv-max 4", dict(fault="ignore-max"), 1,
     dict(lost=0, over_receive_maximum="some")),
    (P + "--mqtt 5 --qos 2 --recv-max 4", dict(fault="ignore-max"), 1,
     dict(lost=0, over_receive_maximum="some")),
    (P + "--qos 1", dict(fault="no-ack", every=500), 1, dict(lost=0, unacked="faults")),
    (P + "--qos 1 --mqtt 5", dict(fault="refuse"), 1, dict(refused="faults", lost="faults")),
    (P + "--qos 2 --mqtt 5", dict(fault="refuse"), 1, dict(refused="faults", lost="faults")),
    (P + "--qos 1", dict(fault="close", every=1500), 1, dict(disconnects="faults", unacked="some")),
    (P + "--qos 1 --window 50", dict(fault="shuffle"), 0, dict(lost=0, bad_ack=0)),
    (P + "--qos 2 --window 50", dict(fault="shuffle"), 0, dict(lost=0, bad_ack=0)),
    (P + "--qos 1 --mqtt 5 --window 50", dict(recv_max=3), 0, dict(lost=0)),
    (P + "--qos 2 --mqtt 5 --window 50", dict(recv_max=1), 0, dict(lost=0)),
    ("offline --messages 500 --clients 5", dict(fault="forget"), 1, dict(sessions_lost=5, lost=500)),
    ("offline --messages 500 --clients 5", dict(fault="drop"), 1, dict(lost="faults")),
    ("retain --topics 500", dict(fault="drop"), 1, dict(lost="faults")),
    ("wild --messages 200 --subscriptions 200 --clients 8", dict(fault="drop"), 1, dict(lost="faults")),
    ("wild --messages 200 --subscriptions 200 --clients 8 --qos 1", dict(fault="twice"), 0,
     dict(lost=0, duplicated="faults")),
]


async def main():
    failed = 0
    tests = [(a, {}, 0, dict(lost=0, duplicated=0)) for a in CLEAN] + FAULTY
    for args, broker_args, want_rc, want in tests:
        # Where something is missing on purpose the whole drain time is spent.
        complete = want.get("lost") == 0 and broker_args.get("fault") != "no-ack"
        rc, r, broker, err = await run(args, 5 if complete else 1, **broker_args)
        bad = [] if rc == want_rc else [f"exit status {rc}, not {want_rc} {err}"]
        if r is None:
            bad.append("no result")
        else:
            values = {**r, **r["problems"]}
            for key, wanted in want.items():
                expected = broker.faults if wanted == "faults" else wanted
                if values[key] != expected and not (wanted == "some" and values[key] > 0):
                    bad.append(f"{key} is {values[key]}, not {expected}")
            if broker_args.get("fault") and not broker.faults and \
                    broker_args["fault"] not in ("ignore-max", "shuffle", "forget"):
                bad.append("no fault was made")
        if broker.errors:
            bad.append(f"{len(broker.errors)} rules broken: {sorted(set(broker.errors))[:4]}")
        print("FAIL" if bad else "ok  ", args, broker_args or "", *bad, sep="  ", flush=True)
        failed += bool(bad)
    print(f"{len(tests) - failed} of {len(tests)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
