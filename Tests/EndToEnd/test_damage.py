# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Damaged stores: whatever a file says, no command ends by a signal, and a store that cannot be used is one sentence."""
import os
import shutil
import sqlite3
import struct
import tempfile
import threading
import time
import unittest

from broker import START_SECONDS_MAX, Broker, run_to_the_end
from peer import Peer

PAGE = 4096
LEAF = 2
BRANCH = 1
NEVER = 0xFFFFFFFF


class Pages:
    """The pages of an LMDB file, to be damaged."""

    def __init__(self, data):
        self.data = bytearray(data)

    def number(self, kind, offset):
        return struct.unpack_from(kind, self.data, offset)[0]

    def of(self, kind):
        """Pages that have been branches or leaves: where each begins, and how many nodes it has."""
        for start in range(2 * PAGE, len(self.data), PAGE):
            count = (self.number("<H", start + 12) - 16) // 2
            if self.number("<H", start + 10) == kind and self.number("<Q", start) == start // PAGE and 0 < count < 400:
                yield start, count

    def node(self, start, index):
        return start + self.number("<H", start + 16 + 2 * index)

    def free_leaf(self):
        """The first leaf of the tree of free pages, in the newer state."""
        meta = max((0, PAGE), key=lambda page: self.number("<Q", page + 144))
        page = self.number("<Q", meta + 80)
        while self.number("<H", page * PAGE + 10) == BRANCH:
            page = self.number("<I", self.node(page * PAGE, 0))
        return page * PAGE


def damage_free_list(pages, round_):
    start = pages.free_leaf()
    lower, upper = pages.number("<H", start + 12), pages.number("<H", start + 14)
    used = [*range(start + 10, start + lower), *range(start + upper, start + PAGE)]
    for place in range(round_ % 7, len(used), 7):
        pages.data[used[place]] ^= 1 << (place + round_) % 8


def damage_value_sizes(pages, round_):
    for start, count in pages.of(LEAF):
        for index in range(round_ % 3, count, 3):
            struct.pack_into("<I", pages.data, pages.node(start, index), (0x7FFFFFF0, 0x8000, 0xFFFF)[round_ % 3])


def damage_node_places(pages, round_):
    for kind in (BRANCH, LEAF):
        for start, count in pages.of(kind):
            for index in range(round_ % 2, count, 2):
                struct.pack_into("<H", pages.data, start + 16 + 2 * index, (0xFFFF, 0, 4090, 12, 0x7FFF)[round_ % 5])


class DamageTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def fill(self, store):
        """Sessions with queues of small and large messages, of which some were acknowledged."""
        with Broker(store=store, data=self.directory) as broker:
            for name in ("a", "b"):
                with Peer(broker.port, name, expiry=NEVER) as peer:
                    peer.subscribe("t/#", 1)
            with Peer(broker.port, "p") as publisher:
                for number in range(300):
                    publisher.publish(f"t/{number}", str(number) * (3000 if number % 10 == 0 else 10), 1)
            with Peer(broker.port, "b", clean=False, expiry=NEVER) as peer:
                peer.messages(300)
            self.assertEqual(broker.terminate(), 0)

    def assert_no_signal(self, place):
        """Commands and a broker with clients end with what they say, or go on."""
        store = f"lmdb:{place}"
        for words in (("inspect", store), ("verify", store), ("migrate", store, f"sqlite:{place}/to.db", "--overwrite")):
            done = run_to_the_end(*words)
            self.assertGreaterEqual(done.returncode, 0, (words, done.stderr))
            if done.returncode == 1 and words[0] != "verify":
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        broker = Broker(store=store, data=place)
        try:
            broker.spawn()
            end = time.monotonic() + START_SECONDS_MAX
            while broker.runs() and not broker.listens() and time.monotonic() < end:
                time.sleep(0.01)
            if broker.runs():
                self.use(broker.port)
            if broker.runs():
                broker.process.terminate()
            self.assertIn(broker.process.wait(20), (0, 1), broker.log())
        finally:
            broker.close()

    def use(self, port):
        """Reads and writes as far as the broker lives."""
        try:
            with Peer(port, "a", clean=False, expiry=NEVER) as peer:
                peer.messages(300, seconds=0.3)
            with Peer(port, "p") as publisher:
                for number in range(20):
                    publisher.publish(f"t/{number}", "x" * 5000, 1, seconds=0.5)
        except Exception:  # pylint: disable=broad-exception-caught
            pass  # The broker has ended, or does not answer: what it ends with is what is looked at.

    def damage(self, how, rounds):
        self.fill(f"lmdb:{self.directory}/whole")
        with open(f"{self.directory}/whole/data.mdb", "rb") as file:
            whole = file.read()
        for round_ in range(rounds):
            pages = Pages(whole)
            how(pages, round_)
            self.assertNotEqual(pages.data, whole)
            place = f"{self.directory}/{round_}"
            os.mkdir(place)
            with open(f"{place}/data.mdb", "wb") as file:
                file.write(pages.data)
            with self.subTest(round=round_):
                self.assert_no_signal(place)

    def test_a_damaged_list_of_free_pages_is_a_sentence(self):
        self.damage(damage_free_list, 7)

    def test_damaged_sizes_of_values_are_a_sentence(self):
        self.damage(damage_value_sizes, 3)

    def test_damaged_places_of_nodes_are_a_sentence(self):
        self.damage(damage_node_places, 5)

    def test_a_delivery_that_is_stored_twice_does_not_end_the_broker(self):
        path = f"{self.directory}/x.db"
        with Broker(store=f"sqlite:{path}", data=self.directory) as broker:
            with Peer(broker.port, "a", expiry=NEVER) as peer:
                peer.subscribe("t/#", 1)
            with Peer(broker.port, "p") as publisher:
                for number in range(10):
                    publisher.publish("t/x", str(number), 1)
            broker.terminate()
        database = sqlite3.connect(path)
        moved = database.execute("insert into settled select session, number, packet, state, record, null from recent limit 1")
        self.assertEqual(moved.rowcount, 1)
        database.commit()
        database.close()
        with Broker(store=f"sqlite:{path}", data=self.directory) as broker:
            with Peer(broker.port, "a", clean=False, expiry=NEVER) as peer:
                self.assertEqual(peer.payloads(10), [str(number) for number in range(10)])
            # The row that is left comes once more; then there is none.
            with Peer(broker.port, "a", clean=False, expiry=NEVER) as peer:
                peer.messages(1, seconds=0.5)
            with Peer(broker.port, "p") as publisher:
                publisher.publish("t/x", "new", 1)
            with Peer(broker.port, "a", clean=False, expiry=NEVER) as peer:
                self.assertEqual(peer.payloads(1), ["new"])
            self.assertEqual(broker.terminate(), 0)

    def test_inspect_and_verify_end_while_a_broker_stands_still(self):
        store = f"lmdb:{self.directory}/live"
        with Broker(store=store, data=self.directory) as broker:
            with Peer(broker.port, "a", expiry=NEVER) as peer:
                peer.subscribe("t/#", 1)
            stop = threading.Event()
            writer = threading.Thread(target=self.write, args=(broker.port, stop))
            writer.start()
            try:
                for round_ in range(15):
                    time.sleep(0.05 + round_ * 0.003)
                    broker.pause()
                    for command in ("inspect", "verify"):
                        done = run_to_the_end(command, store)
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    broker.resume()
            finally:
                broker.resume()
                stop.set()
                writer.join()

    def write(self, port, stop):
        with Peer(port, "p") as publisher:
            while not stop.is_set():
                publisher.publish("t/x", "z" * 3000, 1, seconds=30)


if __name__ == "__main__":
    unittest.main()
