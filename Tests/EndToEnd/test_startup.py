# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What cannot be served is said in one sentence, with what to do; the exit code is not 0, and the data is untouched."""
import contextlib
import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import unittest

from broker import Broker, free_port, run_to_the_end
from peer import Peer, mosquitto_pub


def fingerprint(directory):
    """File name to digest of its content, of all that holds data: no locks, no SQLite index, no empty log."""
    found = {}
    for name in sorted(os.listdir(directory)):
        if name.endswith(("-shm", ".lock")) or name.startswith("log-"):
            continue
        with open(os.path.join(directory, name), "rb") as file:
            content = file.read()
        if content:
            found[name] = hashlib.sha256(content).hexdigest()
    return found


class StartUp(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = os.path.join(self.directory, "roost.db")

    def serve(self, *flags, listen=None, store=None):
        listen = listen or f"127.0.0.1:{free_port()}"
        return run_to_the_end("serve", "--store", store or f"sqlite:{self.path}", "--listen", listen, *flags)

    def assert_refused(self, done, *words):
        """One sentence on standard error that has all the words."""
        self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(done.returncode, 0, "it was ended by a signal")
        for word in words:
            self.assertIn(word, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertNotIn("Fatal error", done.stderr)

    def fill(self, messages=50):
        """A database with a session, its queue and retained messages, stopped in good order."""
        with Broker(store=f"sqlite:{self.path}") as broker:
            with Peer(broker.port, "s", clean=False, expiry=1000) as peer:
                peer.subscribe("q/#", 1)
            with Peer(broker.port, "w") as writer:
                for number in range(messages):
                    writer.publish(f"q/{number}", f"{number}" * 100, 1, retain=True)
            self.assertEqual(broker.terminate(), 0)

    def refuse_damaged(self, *words):
        before = fingerprint(self.directory)
        done = self.serve()
        self.assert_refused(done, self.path, *words)
        self.assertEqual(fingerprint(self.directory), before)

    def test_the_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assert_refused(self.serve(listen=f"127.0.0.1:{port}"), str(port), "--listen")

    def test_a_directory_below_a_file(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("not a directory")
        done = self.serve(store=f"sqlite:{self.path}/below/roost.db")
        self.assert_refused(done, f"{self.path}/below", "--store")

    def test_a_directory_that_is_read_only(self):
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", self.directory],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if mounted.returncode:
            self.skipTest(f"mounting is not permitted: {mounted.stdout!r}")
        self.addCleanup(subprocess.run, ["umount", self.directory], check=False)
        self.assert_refused(self.serve(), self.path)
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_file_that_is_no_database(self):
        with open(self.path, "wb") as file:
            file.write(b"Dear diary, today I was not a database.\n" * 200)
        self.refuse_damaged()

    def test_a_database_of_something_else(self):
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("CREATE TABLE recipes (name TEXT)")
        self.refuse_damaged("another program")

    def test_a_truncated_database(self):
        self.fill()
        os.truncate(self.path, self.used() // 2 // 4096 * 4096)
        self.refuse_damaged("truncated")

    def test_a_database_that_ends_in_the_middle_of_a_page(self):
        self.fill()
        os.truncate(self.path, self.used() - 1000)
        self.refuse_damaged("truncated")

    def used(self):
        """The bytes that hold pages; more may be allocated for a full disk."""
        with open(self.path, "rb") as file:
            header = file.read(100)
        return int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")

    def test_a_flipped_bit_in_the_schema(self):
        self.fill()
        self.flip(40)
        self.flip(110)
        self.refuse_damaged()

    def test_flipped_bits_in_every_page(self):
        self.fill(300)
        for page in range(1, self.used() // 4096):
            self.flip(page * 4096)
        self.refuse_damaged()

    def flip(self, place):
        with open(self.path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x55]))

    def test_a_database_of_a_newer_version(self):
        self.fill()
        self.raise_version()
        self.refuse_damaged("newer")

    def raise_version(self):
        """Adds 1000 to the format version, wherever it is kept."""
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version:
                database.execute(f"PRAGMA user_version = {version + 1000}")
                return
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                for column in columns:
                    if "version" in column or "format" in column:
                        database.execute(f"UPDATE {table} SET {column} = {column} + 1000")
                        return
        raise AssertionError("no format version found in the database")

    def test_an_unknown_flag(self):
        done = self.serve("--no-such-flag")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--no-such-flag", done.stderr)
        self.assertFalse(os.path.exists(self.path))

    def test_options_that_make_no_sense(self):
        for flag, value in {"maximum-qos": 3, "receive-maximum": 0, "event-loops": 0, "durability": "x"}.items():
            with self.subTest(flag=flag):
                done = self.serve(f"--{flag}", str(value))
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(flag, done.stderr)
                self.assertFalse(os.path.exists(self.path))

    def test_stores_and_addresses_that_make_no_sense(self):
        self.assert_refused(self.serve(store="oracle:x"), "oracle", "sqlite:")
        self.assert_refused(self.serve(listen="nowhere"), "nowhere")
        self.assert_refused(self.serve(listen="127.0.0.1:99999"), "99999")

    def test_other_addresses_than_loopback_need_a_flag(self):
        self.assert_refused(self.serve(listen=f"0.0.0.0:{free_port()}"), "--allow-anonymous")
        self.assertFalse(os.path.exists(self.path))

    def test_the_memory_store_needs_no_file(self):
        with Broker(store="memory:") as broker:
            mosquitto_pub(broker.port, "-t", "x", "-q", "2", "-m", "m")
            self.assertEqual(broker.terminate(), 0)
            self.assertEqual([name for name in os.listdir(broker.data) if not name.startswith("log-")], [])

    def test_two_brokers_do_not_share_a_database(self):
        with Broker(store=f"sqlite:{self.path}"):
            self.assert_refused(self.serve(), self.path)

    def test_several_listeners(self):
        port = free_port()
        with Broker("--listen", f"127.0.0.1:{port}") as broker:
            for each in (port, broker.port):
                mosquitto_pub(each, "-t", "x", "-q", "1", "-m", "m")


if __name__ == "__main__":
    unittest.main()
