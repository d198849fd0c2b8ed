# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""`roost migrate` between real stores: nothing is lost or doubled, also when it is killed; the source stays as it is."""
import contextlib
import hashlib
import json
import os
import pty
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from broker import Broker, free_port, run_to_the_end
from migrate_case import KINDS, Done, MigrateCase
from migration_ring import FILL, Ring
from peer import Paho, Peer
from redis_server import RedisServer


class MigrationRing(unittest.TestCase):
    def test_a_small_ring(self):
        directory = tempfile.mkdtemp(prefix="roost-ring-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        with RedisServer() as redis:
            ring = Ring(20_000, directory, redis, seconds_max=60)
            ring.run()
            self.assertEqual(ring.resumed, ring.stores)


class FanOut(unittest.TestCase):
    """One message for more sessions than Redis takes arguments in five commands for one."""

    SESSIONS = 210_000

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-fan-out-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def test_redis_takes_it_from_a_migration_and_from_a_publisher(self):
        source = self.directory + "/source.db"
        subprocess.run([FILL, source, str(10 * self.SESSIONS), "fan-out"], check=True)
        with RedisServer() as redis:
            done = run_to_the_end("migrate", "sqlite:" + source, redis.address, seconds=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            with Broker(store=redis.address) as broker:
                with Paho(broker.port, "publisher") as client:
                    client.client.publish("fill/all", "again", 1).wait_for_publish(60)
                with Paho(broker.port, f"ring-client-{self.SESSIONS}", clean=False, expiry=1000) as client:
                    self.assertTrue(client.session_present)
                    self.assertEqual([client.message(60).topic for _ in range(2)], ["fill/all"] * 2)
                self.assertEqual(broker.terminate(), 0)


class Interrupted(MigrateCase):
    def kill_again_and_again(self, kind, rounds):
        source, target = self.source(), self.address(kind, "target")
        began = time.monotonic()
        expected = self.migrate(source, self.address(kind, "undisturbed"))
        duration = time.monotonic() - began
        killed = tries = 0
        while tries < rounds or (not killed and tries < 5 * rounds):
            tries += 1
            process = self.start(source, target)
            if random.random() < 0.7:
                self.wait_until(lambda: self.has_begun(target), process)
            time.sleep(random.uniform(0, 0.6) * duration)
            process.kill()
            done = Done(process)
            if done.returncode >= 0:
                # It was faster, or the one before was killed when everything was done and it had not ended yet.
                duration *= 0.6
                if done.returncode:
                    self.assert_refused(done, "is not empty", "--overwrite")
                self.migrate(source, target, "--overwrite")
                continue
            killed += 1
            self.assertEqual(done.returncode, -signal.SIGKILL)
            if kind == "redis":
                # The next run would wait for the lease, and be killed while it does.
                self.wait_until(lambda: self.redis.send("EXISTS", "{target}:lease") == 0)
        self.assertGreater(killed, 0)
        done = self.run_migrate(target, f"sqlite:{self.path('other.db')}")
        if done.returncode:  # Unless the last one was killed after everything was done.
            self.assertRegex(done.stderr, "did not end|There is nothing in|cannot be opened")
            self.assertFalse(os.path.exists(self.path("other.db")))
            self.assertEqual(self.migrate(source, target), expected)
        self.assert_sound(target)
        self.assertEqual(self.census(target), expected)
        self.assertEqual(self.census(source), expected)

    def test_sqlite_after_kill_9(self):
        self.kill_again_and_again("sqlite", 6)

    def test_lmdb_after_kill_9(self):
        self.kill_again_and_again("lmdb", 6)

    def test_redis_after_kill_9(self):
        self.kill_again_and_again("redis", 3)

    def test_an_interrupt_ends_with_a_sentence(self):
        source = self.source()
        for number in (signal.SIGINT, signal.SIGTERM):
            target = self.address("sqlite", f"target-{number}")
            process = self.start(source, target)
            self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
            process.send_signal(number)
            self.assert_refused(Done(process), "is not complete", "run the same command again")
            served = run_to_the_end("serve", "--store", target, "--listen", f"127.0.0.1:{free_port()}")
            self.assertEqual(served.returncode, 1)
            self.assertIn("migration", served.stderr)
            self.assertEqual(self.migrate(source, target), self.census(source))

    def test_an_interrupt_gives_redis_back_at_once(self):
        source, target = self.source(), self.address("redis", "target")
        process = self.start(source, target)
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        process.send_signal(signal.SIGINT)
        self.assert_refused(Done(process), "Interrupted")
        self.assertEqual(self.redis.send("EXISTS", "{target}:lease"), 0)
        self.migrate(source, target)


class Shown(MigrateCase):
    def test_a_terminal_shows_rate_and_time_left(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        target = self.address("sqlite", "target")
        process = self.start(self.source(), target, stderr=theirs)
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        self.pause(process, 0.3)
        os.close(theirs)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        shown = os.read(ours, 1 << 16).decode()
        self.assertRegex(shown, r"\r\[#*\.*\] \d+ %  \d+ records/s  \d+ min \d+ s left")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertIn("now holds what", output)

    def test_json_is_an_object_per_line(self):
        target = self.address("sqlite", "target")
        process = self.start(self.source(), target, "--json")
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        self.pause(process, 1.1)
        done = Done(process)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        *progress, result = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len(progress), 0)
        for line in progress:
            self.assertEqual(
                sorted(line["progress"]), ["done", "records_per_second", "seconds_left", "total"]
            )
            self.assertLessEqual(line["progress"]["done"], line["progress"]["total"])
        self.assertEqual(sorted(result), ["from", "kinds", "seconds", "to"])
        self.assertEqual(result["kinds"]["deliveries"]["count"], 30_000)

    @staticmethod
    def pause(process, seconds):
        """Lets time pass, so that there is something to show however fast the machine is."""
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)


class Targets(MigrateCase):
    def test_a_target_that_is_not_empty_is_refused_unless_told_otherwise(self):
        source = self.source()
        for kind in KINDS:
            with self.subTest(kind=kind):
                target = self.small(kind, "target")
                before = self.census(target)
                self.assert_refused(self.run_migrate(source, target), "is not empty", "--overwrite")
                self.assertEqual(self.census(target), before)
                kinds = self.migrate(source, target, "--overwrite")
                self.assertEqual(kinds, self.census(source))
                self.assertEqual(self.census(target)["clients"], kinds["clients"])
                self.assert_sound(target)
                shutil.rmtree(self.path("target"), ignore_errors=True)
                if kind == "sqlite":
                    os.unlink(self.path("target"))

    def test_a_target_that_was_served_before_keeps_no_boots_of_its_own(self):
        source = self.source()
        boots = self.census(source)["boots"]
        for kind in KINDS:
            with self.subTest(kind=kind):
                target = self.address(kind, "target-" + kind)
                with Broker(store=target) as broker:
                    for _ in range(2):
                        self.assertEqual(broker.terminate(), 0)
                        broker.start()
                    self.assertEqual(broker.terminate(), 0)
                self.assertEqual(self.census(target)["boots"]["count"], 3)
                self.assertEqual(self.migrate(source, target, "--overwrite")["boots"], boots)
                self.assertEqual(self.census(target), self.census(source))
                self.assert_sound(target)
                # The next boot of the target goes on above the source's.
                with Broker(store=target) as broker:
                    self.assertEqual(broker.terminate(), 0)
                self.assertEqual(self.census(target)["boots"]["count"], boots["count"] + 1)

    def test_a_session_does_not_expire_by_boots_of_the_target(self):
        """Its client was connected when the source died: it has all of its time from then on."""
        expiry = 600
        source, target = self.address("sqlite", "short"), self.address("sqlite", "target")
        with Broker(store=target) as broker:
            for _ in range(2):
                self.assertEqual(broker.terminate(), 0)
                broker.start()
            self.assertEqual(broker.terminate(), 0)
        # As if those boots had been long ago.
        with contextlib.closing(sqlite3.connect(self.path("target"))) as database, database:
            database.execute("UPDATE boot SET started = started - 3600000")
        with Broker(store=source) as broker:
            with Peer(broker.port, "short", clean=True, expiry=expiry) as peer, Peer(broker.port, "w") as writer:
                peer.subscribe("k/#", 1)
                writer.publish("k/1", "kept", 1)
                broker.kill()
        self.migrate(source, target, "--overwrite")
        with Broker(store=target) as broker, Peer(broker.port, "short", clean=False, expiry=expiry) as peer:
            self.assertTrue(peer.connack.present)
            self.assertEqual(peer.payloads(1), ["kept"])

    def test_the_source_is_not_changed_and_still_serves(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                source = self.source(kind, kind)
                before = self.census(source)
                content = self.content(kind)
                self.migrate(source, self.address("sqlite", "of-" + kind))
                self.assertEqual(self.content(kind), content)
                self.assertEqual(self.census(source), before)
                with Broker(store=source) as broker:
                    with Paho(broker.port, "ring-client-7", clean=False, expiry=1000) as client:
                        self.assertTrue(client.session_present)
                        self.assertTrue(client.message().topic.startswith("fill/"))
                    self.assertEqual(broker.terminate(), 0)

    def content(self, kind):
        """The bytes of the file that holds everything. Redis has no such file."""
        if kind == "redis":
            return None
        with open(self.path(kind) + ("/data.mdb" if kind == "lmdb" else ""), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def test_a_store_that_a_broker_serves_is_refused(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                served, other = self.address(kind, "served"), self.address("sqlite", "other-" + kind)
                with Broker(store=served) as broker:
                    self.assert_refused(self.run_migrate(served, other), "in use by another Roost")
                    self.assertFalse(os.path.exists(other.partition(":")[2]))
                    self.assert_refused(self.run_migrate(self.source(), served), "in use by another Roost")
                    with Paho(broker.port, "undisturbed") as client:
                        client.publish("x", "y", 1)
                    self.assertEqual(broker.terminate(), 0)
                shutil.rmtree(self.path("served"), ignore_errors=True)
                if kind == "sqlite":
                    os.unlink(self.path("served"))

    def test_a_target_that_a_migration_writes_is_refused(self):
        source, target = self.source(), self.address("lmdb", "target")
        process = self.start(source, target)
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        process.send_signal(signal.SIGSTOP)
        self.assert_refused(self.run_migrate(self.small("sqlite", "other"), target), "in use by another Roost")
        self.assert_refused(self.run_migrate(source, self.address("sqlite", "third")), "in use by another Roost")
        process.send_signal(signal.SIGCONT)
        self.assertEqual(Done(process).returncode, 0)


if __name__ == "__main__":
    unittest.main()
