#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The migration ring: SQLite to LMDB to Redis to SQLite, with equal digests, bounded memory and a client that resumes.

A store is filled with sessions, subscriptions, deliveries and retained messages (`ring-fill`); then a broker serves it
and a client of paho-mqtt leaves a session with a queue there. After each leg a broker serves the store that was read,
and at the end the last one: the client resumes its session and gets its queue in order. A leg never reads a store that
was served after it was written. RING_FILL names the binary that fills (default: the release build).

  migration_ring.py                    1,000,000 records
  migration_ring.py --records 20000
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time

from broker import BINARY, ROOT, Broker
from peer import Paho
from redis_server import RedisServer

FILL = os.environ.get("RING_FILL", os.path.join(ROOT, ".build", "release", "ring-fill"))
ANONYMOUS_BYTES_MAX = 200 << 20
QUEUED = 400
CLIENT = "ring-traveller"
NEVER = 0xFFFFFFFF


class Leg:
    """One `roost migrate`: how long it took, the most anonymous memory it had, and what it printed last."""

    def __init__(self, source, target, seconds_max):
        self.source, self.target = source, target
        self.anonymous_bytes = 0
        began, used = time.monotonic(), processor_seconds()
        process = subprocess.Popen(
            [BINARY, "migrate", "--json", source, target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        sampler = threading.Thread(target=self.sample, args=(process,))
        sampler.start()
        try:
            output, errors = process.communicate(timeout=seconds_max)
        finally:
            process.kill()
            sampler.join()
        self.seconds, self.processor_seconds = time.monotonic() - began, processor_seconds() - used
        if process.returncode:
            raise AssertionError(f"{source} to {target}: {process.returncode} {errors}")
        self.result = json.loads(output.splitlines()[-1])

    def sample(self, process):
        while process.poll() is None:
            self.anonymous_bytes = max(self.anonymous_bytes, anonymous_bytes(process.pid))
            time.sleep(0.01)

    @property
    def records(self):
        """Sessions, subscriptions, deliveries and the rest; message bodies go with their deliveries."""
        return sum(kind["count"] for name, kind in self.result["kinds"].items() if name != "messages")

    @property
    def rate(self):
        return self.records / self.seconds


def processor_seconds():
    """Of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def anonymous_bytes(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) << 10
    except (OSError, ProcessLookupError):
        pass
    return 0


def engine(address):
    return address.partition(":")[0].partition("+")[0]


class Ring:
    """The stores in a directory of their own, and the legs that were done."""

    def __init__(self, records, directory, redis, seconds_max=600):
        self.records, self.seconds_max = records, seconds_max
        self.stores = [
            f"sqlite:{directory}/first.db", f"lmdb:{directory}/second", redis.unix_address,
            f"sqlite:{directory}/last.db",
        ]  # fmt: skip
        self.legs, self.resumed = [], []

    def run(self):
        """Raises AssertionError when anything is not as it must be."""
        subprocess.run([FILL, self.stores[0].partition(":")[2], str(self.records)], check=True)
        self.leave_a_session(self.stores[0])
        for source, target in zip(self.stores, self.stores[1:]):
            leg = Leg(source, target, self.seconds_max)
            self.legs.append(leg)
            assert leg.result["kinds"] == self.legs[0].result["kinds"], f"other digests from {source} to {target}"
            assert leg.anonymous_bytes < ANONYMOUS_BYTES_MAX, f"{leg.anonymous_bytes} bytes of anonymous memory"
            self.resume(source)
        self.resume(self.stores[-1])
        assert self.legs[0].records == self.records + 2 + QUEUED + 2, f"{self.legs[0].records} records"

    @staticmethod
    def leave_a_session(store):
        """A session, a subscription, a queue and two boots (one is of the filling) on top of the records."""
        with Broker(store=store) as broker:
            with Paho(broker.port, CLIENT, clean=True, expiry=NEVER) as client:
                client.subscribe("travel/#", 2)
            with Paho(broker.port, "ring-sender") as sender:
                for number in range(QUEUED):
                    qos = 1 + number % 2
                    sender.publish(f"travel/{qos}", str(number), qos)
            assert broker.terminate() == 0

    def resume(self, store):
        """The client comes back to this store and gets everything once, each QoS in order."""
        with Broker(store=store) as broker:
            with Paho(broker.port, CLIENT, clean=False, expiry=NEVER) as client:
                assert client.session_present, f"no session in {store}"
                received = {1: [], 2: []}
                for _ in range(QUEUED):
                    message = client.message()
                    received[message.qos].append(int(message.payload))
            for qos, numbers in received.items():
                assert numbers == list(range(qos - 1, QUEUED, 2)), f"QoS {qos} in {store}: {numbers}"
            assert broker.terminate() == 0
        self.resumed.append(store)

    def report(self):
        print(f"{'leg':18} {'records':>9} {'seconds':>8} {'records/s':>10} {'CPU s':>6} {'peak RssAnon':>13}")
        for leg in self.legs:
            name = f"{engine(leg.source)} to {engine(leg.target)}"
            print(
                f"{name:18} {leg.records:>9,} {leg.seconds:>8.1f} {leg.rate:>10,.0f} "
                f"{leg.processor_seconds:>6.1f} {leg.anonymous_bytes / 1e6:>10.0f} MB"
            )
        print("digests at both ends of each leg, and over all legs: equal")
        for name, kind in self.legs[-1].result["kinds"].items():
            print(f"  {name:18} {kind['count']:>8}  {kind['digest']}")
        print(f"the client resumed on {len(self.resumed)} stores and got {QUEUED} messages in order on each")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="a multiple of 10,000")
    arguments = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="roost-ring-")
    try:
        with RedisServer() as redis:
            ring = Ring(arguments.records, directory, redis)
            ring.run()
            ring.report()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
