# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Paths and files: one store under several names, what is no file, and an output that cannot be written."""
import contextlib
import os
import sqlite3
import subprocess
import unittest

from broker import BINARY, Broker, free_port, run_to_the_end
from migrate_case import MigrateCase
from peer import Peer

COMMANDS = ("serve", "inspect", "verify", "from", "to")


class FilesCase(MigrateCase):
    def run_command(self, command, address):
        """One of the commands on a store that it should refuse."""
        if command == "from":
            return self.run_migrate(address, self.address("sqlite", "fresh"))
        if command == "to":
            return self.run_migrate(f"sqlite:{self.filled}/roost.db", address, "--overwrite")
        if command == "serve":
            return run_to_the_end("serve", "--store", address, "--listen", f"127.0.0.1:{free_port()}")
        return run_to_the_end(command, address)

    def refuse(self, address, *words, commands=COMMANDS):
        for command in commands:
            with self.subTest(command=command, address=address):
                self.assert_refused(self.run_command(command, address), *words)
        self.assertFalse(os.path.exists(self.path("fresh")))


class Names(FilesCase):
    def served_under_other_names(self, broker, others):
        """Nobody else gets the store, and what was acknowledged meanwhile is there after a crash."""
        with Peer(broker.port, "keeper", clean=False, expiry=1000) as peer:
            peer.subscribe("k/#", 1)
        with Peer(broker.port, "writer") as writer:
            for number, other in enumerate(others):
                writer.publish(f"k/{number}", "kept", 1)
                self.refuse(other, "in use by another Roost", commands=("serve", "from", "to"))
                # They read beside the broker, as it is now.
                done = run_to_the_end("inspect", other)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("messages" + " " * 25 + f"{2 * number + 1}", done.stdout)
                writer.publish(f"k/{number}/later", "kept", 1)
        broker.restart()
        with Peer(broker.port, "keeper", clean=False, expiry=1000) as peer:
            self.assertEqual(len(peer.payloads(2 * len(others))), 2 * len(others))
        self.assertEqual(broker.terminate(), 0)

    def test_sqlite_through_links(self):
        os.symlink(self.directory, self.path("way"))
        os.mkdir(self.path("elsewhere"))
        os.symlink("../store.db", self.path("elsewhere/link.db"))
        others = [f"sqlite:{self.path(name)}" for name in ("way/store.db", "elsewhere/link.db", "./store.db")]
        with Broker(store=f"sqlite:{self.path('store.db')}") as broker:
            self.served_under_other_names(broker, [*others, "sqlite:" + os.path.relpath(self.path("store.db"))])
        self.assertEqual(os.listdir(self.path("elsewhere")), ["link.db"])

    def test_sqlite_served_through_a_link(self):
        os.mkdir(self.path("elsewhere"))
        os.symlink(self.path("elsewhere/store.db"), self.path("link.db"))
        with Broker(store=f"sqlite:{self.path('link.db')}") as broker:
            self.served_under_other_names(broker, [f"sqlite:{self.path('elsewhere/store.db')}"])
        beside = [name for name in os.listdir(self.directory) if name.startswith("link.db")]
        self.assertEqual(beside, ["link.db"])

    def test_lmdb_through_links(self):
        with Broker(store=f"lmdb:{self.path('store')}") as broker:
            os.symlink("store", self.path("way"))
            self.served_under_other_names(broker, [f"lmdb:{self.path('way')}", f"lmdb:{self.path('store')}/"])

    def test_a_second_name_that_locks_cannot_see(self):
        """Made while a broker runs: whoever comes is refused, and the broker itself when it starts again."""
        for kind, file in (("sqlite", "store.db"), ("lmdb", "store/data.mdb")):
            store = self.address(kind, file.removesuffix("/data.mdb"))
            other = self.address(kind, "other" if kind == "lmdb" else "other.db")
            second = self.path("other/data.mdb" if kind == "lmdb" else "other.db")
            with Broker(store=store) as broker:
                os.makedirs(os.path.dirname(second), exist_ok=True)
                os.link(self.path(file), second)
                self.refuse(other, "2 names (hard links)")
                with Peer(broker.port, "undisturbed") as peer:
                    peer.publish("x", "y", 1)
                broker.kill()
                self.refuse(store, "2 names (hard links)")
                os.unlink(second)
                broker.start()
                self.assertEqual(broker.terminate(), 0)
            self.assert_sound(store)

    def test_a_data_file_of_lmdb_that_is_a_link(self):
        with Broker(store=f"lmdb:{self.path('store')}"):
            os.mkdir(self.path("other"))
            os.symlink("../store/data.mdb", self.path("other/data.mdb"))
            self.refuse(f"lmdb:{self.path('other')}", "is a symbolic link")
            self.assertEqual(os.listdir(self.path("other")), ["data.mdb"])


class Beside(FilesCase):
    def test_another_program_that_looks_into_a_database_does_not_take_its_log_away(self):
        """It would, if the broker had lost its locks on the file: by closing it, after it had made it longer."""
        path = self.path("store.db")
        with Broker(store=f"sqlite:{path}") as broker:
            with Peer(broker.port, "keeper", clean=False, expiry=1000) as peer:
                peer.subscribe("k/#", 1)
            with Peer(broker.port, "writer") as writer:
                for number in range(100):
                    writer.publish(f"k/{number}", b"x" * 50_000, 1)
                log = os.stat(path + "-wal").st_ino
                with contextlib.closing(sqlite3.connect(path)) as database:
                    self.assertEqual(database.execute("SELECT count(*) FROM boot").fetchone(), (1,))
                self.assertTrue(os.path.exists(path + "-wal"))
                self.assertEqual(os.stat(path + "-wal").st_ino, log)
                for number in range(20):
                    writer.publish(f"k/{number}/later", "kept", 1)
            broker.restart()
            with Peer(broker.port, "keeper", clean=False, expiry=1000) as peer:
                self.assertEqual(len(peer.messages(120)), 120)
            self.assertEqual(broker.terminate(), 0)
        self.assert_sound(f"sqlite:{path}")


class NoFiles(FilesCase):
    def test_what_is_not_a_file(self):
        os.mkdir(self.path("lmdb"))
        os.mkdir(self.path("directory"))
        for name in ("fifo", "lmdb/data.mdb"):
            os.mkfifo(self.path(name))
        before = sorted(os.listdir(self.directory))
        for address in ("sqlite:{}/fifo", "lmdb:{}/lmdb", "sqlite:{}/directory", "sqlite:/dev/zero"):
            self.refuse(address.format(self.directory), "is not a file")
        self.assertEqual(sorted(os.listdir(self.directory)), before)
        self.assertEqual(os.listdir(self.path("lmdb")), ["data.mdb"])

    def test_a_target_that_is_refused_leaves_nothing(self):
        for address, words in (
            ("sqlite::memory:", "is not a file"), (f"sqlite:{self.directory}/new/", "The file is missing"),
        ):  # fmt: skip
            for command in ("serve", "to"):
                self.refuse(address, words, commands=(command,))
        self.assertEqual(os.listdir(self.directory), [])
        self.assertFalse(os.path.exists(":memory:.lock"))

    def test_a_line_break_in_a_path(self):
        self.refuse(f"sqlite:{self.directory}/two\nlines", "two?lines", commands=("inspect", "verify", "from"))


class Unwritten(FilesCase):
    """An exit code of 0 says that what was asked for has been said."""

    def into(self, output, *arguments):
        return subprocess.run(
            [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def commands(self):
        store = self.source()
        commands = (["inspect"], ["inspect", "--json"], ["verify"], ["migrate"], ["migrate", "--json"])
        for number, command in enumerate(commands):
            target = [self.address("lmdb", f"target-{number}")] if "migrate" in command else []
            yield [*command, store, *target], target

    def test_a_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for command, target in self.commands():
                with self.subTest(command=command):
                    done = self.into(full, *command)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.assertIn("Standard output cannot be written (No space left on device).", done.stderr)
                    if target:
                        self.assertIn("is complete", done.stderr)
                        self.assertEqual(self.census(target[0]), self.census(self.address("sqlite", "source")))

    def test_an_output_that_is_closed(self):
        for command, target in self.commands():
            with self.subTest(command=command):
                shell = ["sh", "-c", '"$@" >&-', "sh", BINARY, *command]
                done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("Standard output cannot be written (Bad file descriptor).", done.stderr)
                if target:
                    self.assert_sound(target[0])

    def test_a_reader_that_has_read_enough(self):
        for command, target in self.commands():
            with self.subTest(command=command):
                reading, writing = os.pipe()
                os.close(reading)
                done = self.into(writing, *command)
                os.close(writing)
                self.assertEqual(done.returncode, 0)
                self.assertEqual(done.stderr, "")
                if target:
                    self.assert_sound(target[0])


if __name__ == "__main__":
    unittest.main()
