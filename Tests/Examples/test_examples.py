# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Runs each example of embedding the broker: start, publish, kill -9, start again, restored.

EXAMPLES names the directory with the binaries (default: where scripts/test builds them).
"""
import os
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEnd"))

from broker import Broker  # noqa: E402
from peer import PATIENCE, Peer  # noqa: E402
from redis_server import RedisServer  # noqa: E402

BINARIES = os.environ.get("EXAMPLES", os.path.join(ROOT, ".build-nested", "debug"))


class Example(Broker):
    """A program of Examples/persistence with a port and a directory of its own."""

    def __init__(self, name, *arguments):
        super().__init__()
        self.words = [os.path.join(BINARIES, f"persistence-{name}"), str(self.port), *arguments]

    def command(self):
        return self.words

    def says_when_it_serves(self):
        return False


class Examples(unittest.TestCase):
    def starts(self, example):
        """The number of starts that the example counts in a retained message, once it has counted this one."""
        with Peer(example.port, "reader") as peer:
            peer.subscribe("example/starts", 1)
            numbers, end = [], time.monotonic() + PATIENCE
            while time.monotonic() < end and (not numbers or numbers[-1] != self.expected):
                numbers += peer.payloads(1, end - time.monotonic())
            return numbers[-1]

    def play(self, name, *arguments, keeps=True):
        with Example(name, *arguments) as example:
            self.expected = "1"
            self.assertEqual(self.starts(example), "1")
            with Peer(example.port, "absent", clean=True, expiry=3600) as absent:
                absent.subscribe("news/#", 1)
            with Peer(example.port, "writer") as writer:
                for number in range(10):
                    self.assertEqual(writer.publish("news/today", f"{number}", qos=1), 0)
                self.assertEqual(writer.publish("news/kept", "kept", qos=1, retain=True), 0)
            example.restart()
            self.expected = "2" if keeps else "1"
            self.assertEqual(self.starts(example), self.expected)
            with Peer(example.port, "absent", clean=False, expiry=3600) as absent:
                self.assertEqual(bool(absent.connack.present), keeps)
                if keeps:
                    self.assertEqual(absent.payloads(11), [*map(str, range(10)), "kept"])
            with Peer(example.port, "latecomer") as latecomer:
                latecomer.subscribe("news/kept", 1)
                self.assertEqual(latecomer.payloads(1, PATIENCE if keeps else 0.3), ["kept"] if keeps else [])
            self.assertEqual(example.terminate(), 0)

    def test_sqlite_keeps_everything(self):
        self.play("sqlite")

    def test_lmdb_keeps_everything(self):
        self.play("lmdb")

    def test_a_store_of_ones_own_keeps_everything(self):
        self.play("custom")

    def test_redis_keeps_everything(self):
        with RedisServer() as server:
            self.play("redis", f"{server.address}/?prefix=example")

    def test_memory_forgets_when_it_is_killed(self):
        self.play("memory", keeps=False)


if __name__ == "__main__":
    unittest.main()
