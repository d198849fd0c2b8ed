# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The loads: what is done to a broker, and what is measured meanwhile. Each gives back a dictionary."""
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time

from world import (
    FLOOR, ROOT, MemoryWatch, Redis, World, anonymous_kib, cpu_seconds, disk_bytes, wire, written_bytes,
)  # fmt: skip

MQTTLOAD = os.path.join(ROOT, "Benchmarks", "mqttload", "mqttload")
# A message of mqttload with 200 bytes: 27 of the record's head, 4 of its sum, topic, publisher, payload.
RECORD_BYTES = 27 + 4 + 17 + 12 + 200
SETTLING_SECONDS = 1.0
AT_ONCE = 200


class Load:
    """mqttload as a process that may pause between its phases."""

    def __init__(self, world, scenario, *options):
        command = [MQTTLOAD, scenario, *map(str, options), "--port", str(world.broker.port)]
        self.process = subprocess.Popen(
            [*command, "--broker-pid", str(world.pid), "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said = ""

    def wait_for_pause(self):
        for line in self.process.stderr:
            if line == "mqttload: pause\n":
                return
            self.said += line
        raise RuntimeError(f"mqttload ended early: {self.said}")

    def go_on(self, pid):
        self.process.stdin.write(f"{pid}\n")
        self.process.stdin.flush()

    def result(self):
        out, said = self.process.communicate()
        if self.process.returncode not in (0, 1) or not out.strip():
            raise RuntimeError(f"mqttload: {self.said}{said}")
        return json.loads(out)


def faults(result):
    """What was lost, doubled, late or wrong; empty when all is well."""
    counts = {name: result[name] for name in ("lost", "duplicated") if result[name]}
    ignored = ("stalls", "dup_flag")
    counts |= {name: value for name, value in result["problems"].items() if value and name not in ignored}
    return counts


def detached(store, place, seconds):
    """QoS 1 to 64 absent sessions; then they come back."""
    with World(store, place) as world, MemoryWatch(world) as memory:
        batches, before = world.batches(), world.usage()
        options = ["--detached", "--pause", "--clients", 64, "--size", 200, "--seconds", seconds]
        load = Load(world, "durable", *options)
        load.wait_for_pause()
        after, count = world.usage(), world.batches() - batches
        queueing = memory.take()
        load.go_on(world.pid)
        result, end = load.result(), world.usage()
        accepted, drained = result["phases"]
        messages = accepted["in"]
        server = after[1][0] - before[1][0] if world.redis else None
        return {
            "acked_per_s": accepted["in_per_s"],
            "ack_p50_ms": result["ack_latency_us"]["p50"] / 1e3,
            "ack_p99_ms": result["ack_latency_us"]["p99"] / 1e3,
            "cpu_us": accepted["cpu_us_per_msg"],
            "server_cpu_us": server and server / messages * 1e6,
            "bytes_per_message": sum(b[1] - a[1] for a, b in zip(before, after)) / messages,
            "batch": messages / count if count > 0 else None,
            "drained_per_s": drained["out_per_s"],
            "drain_cpu_us": drained["cpu_us_per_msg"],
            "drain_server_cpu_us": (end[1][0] - after[1][0]) / messages * 1e6 if world.redis else None,
            "anon_mib": queueing,
            "faults": faults(result),
        }


def lone(store, place, seconds):
    """One publisher that waits for each acknowledgement, to one absent session: commits of one message."""
    with World(store, place) as world:
        options = ["--detached", "--clients", 1, "--window", 1, "--size", 200, "--seconds", seconds]
        result = Load(world, "durable", *options).result()
        latency = result["ack_latency_us"]
        return {"ack_p50_us": latency["p50"], "ack_p99_us": latency["p99"], "faults": faults(result)}


def online(store, place, seconds):
    """QoS 1 to 20 persistent sessions that are there."""
    with World(store, place) as world:
        before = world.usage()
        result = Load(world, "durable", "--seconds", seconds).result()
        after, messages = world.usage(), result["acked"]
        server = after[1][0] - before[1][0] if world.redis else None
        return {
            "acked_per_s": result["headline"]["value"],
            "ack_p99_ms": result["ack_latency_us"]["p99"] / 1e3,
            "cpu_us": result["broker"]["cpu_us_per_msg"],
            "server_cpu_us": server and server / (2 * messages) * 1e6,
            "bytes_per_message": sum(b[1] - a[1] for a, b in zip(before, after)) / messages,
            "faults": faults(result),
        }


def backlog(store, place, messages):
    """A queue of 200-byte messages for one absent session, a kill, a restart, and the session's return."""
    with World(store, place) as world, MemoryWatch(world) as memory:
        options = ["--pause", "--clients", 1, "--pubs", 64, "--messages", messages, "--size", 200, "--seconds", 300]
        load = Load(world, "offline", *options, "--drain", 20)
        load.wait_for_pause()
        found = {"messages": messages, "queueing_mib": memory.take(), "disk_bytes": disk_bytes(world.data)}
        if store != "memory":
            found |= restarted(world)
            memory.take()
        load.go_on(world.pid)
        result = load.result()
        accepted, drained = result["phases"]
        found |= {
            "accepted_per_s": accepted["in_per_s"],
            "drained_per_s": drained["out_per_s"],
            "draining_mib": memory.take(),
            "faults": faults(result),
        }
        return found


def restarted(world, times=3):
    """After a kill; with Redis after SIGTERM, because the lease of a broker that was killed has to end first."""
    taken = [world.restart(crash=world.store != "redis") for _ in range(times)]
    time.sleep(SETTLING_SECONDS)
    return {"restart_s": statistics.median(taken), "restarted_mib": anonymous_kib(world.pid) / 1024}


def sessions(store, place, count):
    """Sessions of one subscription each, all away; a kill and a restart."""
    with World(store, place) as world:
        start = time.monotonic()
        make_sessions(world.broker.port, count, lambda index: f"device/{index}/command")
        found = {"sessions": count, "created_per_s": count / (time.monotonic() - start)}
        if store == "memory":
            return found | {"restarted_mib": anonymous_kib(world.pid) / 1024}
        return found | restarted(world)


def shared(store, place, count, size):
    """One message for many absent sessions: how much the store grows."""
    with World(store, place) as world:
        make_sessions(world.broker.port, count, lambda index: "news")
        world.restart(crash=False)
        before = disk_bytes(world.data)
        with socket.create_connection(("127.0.0.1", world.broker.port), 10) as publisher:
            publisher.sendall(wire.connect(4, "publisher", True))
            read(publisher, 4)
            publisher.sendall(wire.publish(4, "news", os.urandom(size), 1, 1))
            read(publisher, 4)
        world.restart(crash=False)
        return {"sessions": count, "size": size, "growth_bytes": disk_bytes(world.data) - before}


def make_sessions(port, count, topic):
    """Connects, subscribes and leaves, many at a time; every SUBACK is awaited."""
    for first in range(0, count, AT_ONCE):
        peers = []
        for index in range(first, min(count, first + AT_ONCE)):
            peer = socket.create_connection(("127.0.0.1", port), 30)
            # Leaves no port behind that has to be waited for.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            subscribe = wire.subscribe(4, 1, [(topic(index), 1)])
            peer.sendall(wire.connect(4, f"device-{index}", clean=False) + subscribe)
            peers.append(peer)
        for peer in peers:
            read(peer, 9)
            peer.close()


def read(peer, count):
    while count:
        data = peer.recv(count)
        if not data:
            raise RuntimeError("the broker closed a connection")
        count -= len(data)


def floor(engine, place, batch, seconds):
    """The bare loop over an engine with batches of that many messages."""
    data = tempfile.mkdtemp(prefix=f"roost-floor-{engine}-", dir=place)
    redis = Redis(data) if engine == "redis" else None
    try:
        before = (cpu_seconds(redis.pid), written_bytes(redis.pid)) if redis else None
        at = str(redis.port) if redis else data
        command = [FLOOR, engine, "--at", at, "--batch", str(batch), "--seconds", str(seconds)]
        found = json.loads(subprocess.check_output([*command, "--record", str(RECORD_BYTES)], text=True))
        if redis:
            found["server_cpu_us_per_row"] = (cpu_seconds(redis.pid) - before[0]) / found["rows"] * 1e6
            found["bytes_per_row"] += (written_bytes(redis.pid) - before[1]) / found["rows"]
        return found
    finally:
        if redis:
            redis.close()
        shutil.rmtree(data, ignore_errors=True)
