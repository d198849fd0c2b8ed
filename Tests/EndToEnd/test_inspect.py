# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""`roost inspect` and `roost verify` on every store: beside a broker, without one, and on what is no store."""
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from broker import BINARY, Broker, free_port, run_to_the_end
from peer import Peer
from redis_server import RedisServer

NOBODY = 65534


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def place(self, scheme):
        """A store's address; its files are in the test's directory."""
        if scheme == "redis":
            self.redis = RedisServer().start()
            self.addCleanup(self.redis.close)
            return self.redis.address
        self.path = os.path.join(self.directory, scheme)
        return f"{scheme}:{self.path}"

    def assert_refused(self, done, *words):
        """One sentence on standard error that has all the words, and exit code 1."""
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def refuse_both(self, store, *words):
        for command in ("inspect", "verify"):
            with self.subTest(command=command):
                self.assert_refused(run_to_the_end(command, store), *words)

    def inspect(self, store):
        done = run_to_the_end("inspect", store, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def fill(self, port):
        """Three sessions that are gone, with 30, 20 and 10 messages, and a retained one."""
        for name, count in (("short", 10), ("long", 30), ("middle", 20)):
            with Peer(port, name, clean=False, expiry=1000) as peer:
                peer.subscribe(f"{name}/#", 1)
            with Peer(port, "writer") as writer:
                for number in range(count):
                    writer.publish(f"{name}/{number}", "x" * 100, 1)
        with Peer(port, "writer") as writer:
            writer.publish("kept", "value", 1, retain=True)

    def fill_and_stop(self, store):
        with Broker(store=store) as broker:
            self.fill(broker.port)
            self.assertEqual(broker.terminate(), 0)


class Looking(Case):
    def test_beside_a_broker(self):
        for scheme in ("sqlite", "lmdb", "redis"):
            with self.subTest(scheme=scheme):
                self.beside_a_broker(self.place(scheme), scheme)

    def beside_a_broker(self, store, scheme):
        with Broker(store=store) as broker:
            self.fill(broker.port)
            seen = self.inspect(store)
            self.check(seen, scheme)
            self.assertEqual(seen["durability"], "disk")
            done = run_to_the_end("verify", store)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            # The broker has not noticed: it goes on serving what it has, and ends well.
            with Peer(broker.port, "long", clean=False, expiry=1000) as peer:
                topics = [message.topic for message in peer.messages(30)]
                peer.publish("nobody/listens", "", qos=1)  # Once this is answered, so are the acknowledgements before it.
            self.assertEqual(topics, [f"long/{number}" for number in range(30)])
            self.assertEqual(broker.terminate(), 0)
        after = self.inspect(store)
        self.assertEqual(after["counts"]["deliveries"], 30)
        self.assertEqual([queue["client_id"] for queue in after["longest_queues"]], ["middle", "short"])

    def check(self, seen, scheme):
        self.assertEqual(seen["engine"], scheme)
        self.assertEqual(
            [(queue["client_id"], queue["deliveries"]) for queue in seen["longest_queues"]],
            [("long", 30), ("middle", 20), ("short", 10)],
        )
        self.assertEqual(seen["counts"]["deliveries"], 60)
        self.assertEqual(seen["counts"]["retained_messages"], 1)
        self.assertFalse(seen["is_partial"])
        self.assertLess(abs(seen["oldest_waiting"]["published_at"] / 1000 - time.time()), 60)
        sizes = dict(seen["bytes"])
        self.assertEqual(sizes.pop("medium"), "memory" if scheme == "redis" else "disk")
        self.assertEqual("samples" in (sizes.pop("estimate") or ""), scheme == "redis")
        total = sizes.pop("total")
        self.assertEqual(sum(sizes.values()), total)
        self.assertGreater(sizes["deliveries"], 60 * 100)

    def test_the_durability_is_what_the_last_writer_asked_for(self):
        for scheme in ("sqlite", "lmdb"):
            with self.subTest(scheme=scheme):
                store = self.place(scheme)
                for asked in ("process", "memory", "disk", "process"):
                    with Broker("--durability", asked, store=store) as broker:
                        self.assert_durability(store, asked, f"{asked}, as the last writer asked")
                        broker.kill()
                    self.assert_durability(store, asked, f"{asked}, as the last writer asked")
                # A migration only reads its source, and asks for the most of its target.
                target = f"{scheme}:{self.directory}/target-{scheme}"
                done = run_to_the_end("migrate", store, target)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assert_durability(store, "process", "process, as the last writer asked")
                self.assert_durability(target, "disk", "disk, as the last writer asked")

    def test_the_durability_of_redis_is_what_its_settings_promise(self):
        store = self.place("redis")
        with Broker("--durability", "process", store=store):
            self.assert_durability(store, "disk", "disk")
            self.redis.send("CONFIG", "SET", "appendfsync", "everysec")
            self.assert_durability(store, "process", "process")

    def test_the_durability_of_a_file_from_an_earlier_version_is_unknown(self):
        store = self.place("sqlite")
        self.fill_and_stop(store)
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("ALTER TABLE info DROP COLUMN durability")
        self.assert_durability(store, None, "unknown: last written by an earlier Roost")
        self.check(self.inspect(store), "sqlite")
        self.assertEqual(run_to_the_end("verify", store).returncode, 0)
        with Broker("--durability", "process", store=store):
            self.check(self.inspect(store), "sqlite")
            self.assert_durability(store, "process", "process, as the last writer asked")

    def assert_durability(self, store, expected, words):
        self.assertEqual(self.inspect(store)["durability"], expected)
        line = next(line for line in run_to_the_end("inspect", store).stdout.splitlines() if "durability" in line)
        self.assertEqual(line.split(maxsplit=1), ["durability", words])

    def test_the_bytes_are_those_of_the_files(self):
        for scheme in ("sqlite", "lmdb"):
            with self.subTest(scheme=scheme):
                directory = os.path.join(self.directory, scheme)
                os.mkdir(directory)
                store = f"{scheme}:{directory}/data"
                self.fill_and_stop(store)
                told = self.inspect(store)["bytes"]["total"]
                files = sum(
                    os.path.getsize(os.path.join(root, name))
                    for root, _, names in os.walk(directory) for name in names if not name.startswith("log-")
                )  # fmt: skip
                # While it is looked at SQLite has a log and its index, which are gone again.
                self.assertLessEqual(files, told)
                self.assertLessEqual(told - files, 64 << 10)

    def test_beside_a_broker_that_writes(self):
        for scheme in ("sqlite", "lmdb", "redis"):
            with self.subTest(scheme=scheme):
                self.beside_a_broker_that_writes(self.place(scheme), scheme)

    def beside_a_broker_that_writes(self, store, scheme):
        with Broker(store=store) as broker:
            self.fill(broker.port)
            stop = threading.Event()

            def write():
                with Peer(broker.port, "busy") as busy:
                    while not stop.is_set():
                        busy.publish("middle/more", "x" * 1000, 1)

            thread = threading.Thread(target=write)
            thread.start()
            try:
                counts = []
                for _ in range(8):
                    seen = self.inspect(store)
                    counts.append(seen["counts"]["deliveries"])
                    self.assertEqual(seen["longest_queues"][-1]["client_id"], "short")
                    self.verify_meanwhile(store, scheme)
            finally:
                stop.set()
                thread.join()
            self.assertEqual(counts, sorted(counts))
            self.assertLess(60, counts[-1])
            self.assertEqual(broker.terminate(), 0)

    def verify_meanwhile(self, store, scheme):
        """One committed state is sound; Redis holds none for a reader, so there it may be said that nothing is known."""
        done = run_to_the_end("verify", store)
        if scheme == "redis" and done.returncode:
            self.assert_refused(done, "stop the broker first")
        else:
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_after_a_crash_nothing_is_changed(self):
        for scheme in ("sqlite", "lmdb"):
            with self.subTest(scheme=scheme):
                store = self.place(scheme)
                with Broker(store=store) as broker:
                    self.fill(broker.port)
                    broker.kill()
                before = self.contents()
                self.check(self.inspect(store), scheme)
                self.assertEqual(run_to_the_end("verify", store).returncode, 0)
                self.assertEqual(self.contents(), before)

    def contents(self):
        """The files with data in them; an index of a log, and who reads, are none."""
        found = {}
        for root, _, names in os.walk(self.directory):
            for name in names:
                if name.endswith(("-shm", "lock.mdb", ".lock")) or name.startswith("log-"):
                    continue
                with open(os.path.join(root, name), "rb") as file:
                    found[name] = file.read()
        return found

    def test_on_a_file_system_that_is_read_only(self):
        stores = {scheme: self.place(scheme) for scheme in ("sqlite", "lmdb")}
        for store in stores.values():
            self.fill_and_stop(store)
        self.addCleanup(subprocess.run, ["umount", "-l", "-q", self.directory], check=False)
        for options in (["--bind", self.directory], ["-o", "remount,bind,ro"]):
            done = subprocess.run(
                ["mount", *options, self.directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                self.skipTest(f"mounting is not permitted: {done.stdout!r}")
        for scheme, store in stores.items():
            with self.subTest(scheme=scheme):
                self.check(self.inspect(store), scheme)
                self.assertEqual(run_to_the_end("verify", store).returncode, 0)

    def test_an_unfinished_migration_is_shown_and_not_served(self):
        store = self.place("sqlite")
        self.fill_and_stop(store)
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("UPDATE retained SET record = x'00'")
        target = f"lmdb:{self.directory}/target"
        self.assert_refused(run_to_the_end("migrate", store, target), "is not complete")
        self.assertTrue(self.inspect(target)["is_migration_target"])
        self.assertIn("did not end", run_to_the_end("inspect", target).stdout)
        done = run_to_the_end("serve", "--store", target, "--listen", f"127.0.0.1:{free_port()}")
        self.assert_refused(done, f"{self.directory}/target", "roost migrate")


class BadInput(Case):
    def test_nothing_is_there(self):
        for store in (f"sqlite:{self.directory}/none", f"lmdb:{self.directory}/none"):
            self.refuse_both(store, f"{self.directory}/none", "No such file")
        self.assertEqual(os.listdir(self.directory), [], "looking must not make anything")
        self.refuse_both("memory:", "memory")
        self.refuse_both("oracle:x", "oracle", "sqlite:", "lmdb:", "redis:")

    def test_nothing_is_in_it(self):
        open(f"{self.directory}/data", "wb").close()
        self.refuse_both(f"sqlite:{self.directory}/data", "is empty", self.directory)
        os.mkdir(f"{self.directory}/lmdb")
        open(f"{self.directory}/lmdb/data.mdb", "wb").close()
        self.refuse_both(f"lmdb:{self.directory}/lmdb", "is empty", self.directory)
        store = self.place("redis")
        self.refuse_both(store, store, "nothing under the prefix roost")
        self.assertEqual(self.redis.send("DBSIZE"), 0, "looking must not make anything")

    def test_no_permission(self):
        if os.geteuid() != 0:
            self.skipTest("only the administrator may become nobody")
        os.chmod(self.directory, 0o755)
        for scheme, file in (("sqlite", ""), ("lmdb", "/data.mdb")):
            store = self.place(scheme)
            self.fill_and_stop(store)
            os.chmod(self.path, 0o755)
            os.chmod(self.path + file, 0o600)
            for command in ("inspect", "verify"):
                with self.subTest(scheme=scheme, command=command):
                    self.assert_refused(self.as_nobody(command, store), self.path, "Permission denied")

    def test_a_directory_that_only_others_may_write(self):
        if os.geteuid() != 0:
            self.skipTest("only the administrator may become nobody")
        for scheme in ("sqlite", "lmdb"):
            store = self.place(scheme)
            self.fill_and_stop(store)
            for root, _, names in os.walk(self.directory):
                os.chmod(root, 0o755)
                for name in names:
                    os.chmod(os.path.join(root, name), 0o644)
            with self.subTest(scheme=scheme):
                done = self.as_nobody("inspect", store)
                self.assertEqual(done.returncode, 0, done.stderr)

    def as_nobody(self, *arguments):
        """Runs the binary, copied to where everybody may read it, as a user without rights."""
        directory = tempfile.mkdtemp(prefix="roost-bin-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        os.chmod(directory, 0o755)
        binary = shutil.copy(BINARY, directory)
        return subprocess.run(
            [binary, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=20, check=False, user=NOBODY, group=NOBODY, extra_groups=[],
        )  # fmt: skip

    def test_no_database_and_a_truncated_one(self):
        with open(f"{self.directory}/data", "wb") as file:
            file.write(b"Dear diary, today I was not a database.\n" * 500)
        self.refuse_both(f"sqlite:{self.directory}/data", "not an SQLite database")
        os.mkdir(f"{self.directory}/lmdb")
        os.rename(f"{self.directory}/data", f"{self.directory}/lmdb/data.mdb")
        self.refuse_both(f"lmdb:{self.directory}/lmdb", "not an LMDB database")
        self.refuse_both(f"sqlite:{self.directory}", self.directory)
        self.fill_and_stop(f"sqlite:{self.directory}/whole")
        os.truncate(f"{self.directory}/whole", 8192)
        self.refuse_both(f"sqlite:{self.directory}/whole", "truncated")
        self.fill_and_stop(f"lmdb:{self.directory}/other")
        os.truncate(f"{self.directory}/other/data.mdb", 12288)
        self.refuse_both(f"lmdb:{self.directory}/other", "truncated")

    def test_a_damaged_record_is_reported_by_verify(self):
        store = self.place("sqlite")
        self.fill_and_stop(store)
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("UPDATE client SET record = x'00' WHERE session = (SELECT min(session) FROM client)")
        done = run_to_the_end("verify", store)
        self.assertEqual(done.returncode, 1)
        self.assertIn("client", done.stdout)

    def test_a_newer_format(self):
        store = self.place("sqlite")
        self.fill_and_stop(store)
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("PRAGMA user_version = 1000")
        self.refuse_both(store, "newer", self.directory)
        store = self.place("redis")
        self.fill_and_stop(store)
        self.redis.send("HSET", "{roost}:info", "format", "1000")
        self.refuse_both(store, "newer", store)

    def test_redis_of_another_program(self):
        store = self.place("redis")
        self.redis.send("SET", "{roost}:info", "not a hash")
        self.refuse_both(store, store, "WRONGTYPE")

    def test_a_password(self):
        store = self.place("redis")
        self.redis.send("CONFIG", "SET", "requirepass", "right")
        for address in (store, f"redis://:secret@127.0.0.1:{self.redis.port}"):
            self.refuse_both(address, store, "password")
            self.assertNotIn("secret", run_to_the_end("inspect", address).stderr)

    def test_nobody_listens_or_not_a_redis(self):
        self.refuse_both(f"redis://127.0.0.1:{free_port()}", "cannot be reached")
        self.refuse_both(f"redis+unix:{self.directory}/none", "cannot be reached", self.directory)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()

            def answer():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        connection.recv(65536)

            thread = threading.Thread(target=answer)
            thread.start()
            try:
                store = f"redis://127.0.0.1:{listener.getsockname()[1]}"
                self.refuse_both(store, store, "does not answer as a Redis does")
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()


if __name__ == "__main__":
    unittest.main()
