# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What `roost migrate` cannot do is one sentence and an exit code that is not 0, and neither store is damaged."""
import contextlib
import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import unittest

from broker import BINARY, run_to_the_end
from migrate_case import Done, MigrateCase
from redis_server import SYNCED, RedisServer

NOBODY = 65534


class Addresses(MigrateCase):
    def test_a_source_that_is_not_there(self):
        target = self.address("sqlite", "target")
        for kind, file in (("sqlite", "missing"), ("lmdb", "missing/data.mdb")):
            done = self.run_migrate(self.address(kind, "missing"), target)
            self.assert_refused(done, f"{self.path(file)} cannot be opened: No such file or directory")
        self.assert_refused(self.run_migrate(self.address("redis", "missing"), target), "There is nothing in")
        self.assert_refused(self.run_migrate("memory:", target), "nothing to read in memory:")
        self.assertEqual(os.listdir(self.directory), ["redis"])

    def test_an_address_that_nobody_knows(self):
        source = self.source()
        for address in ("oracle:x", "nonsense", "sqlite", ""):
            for arguments in ((address, source), (source, address)):
                self.assert_refused(self.run_migrate(*arguments), "does not name a store", "sqlite:FILE")
        self.assert_refused(self.run_migrate(source, "sqlite:"), "The file is missing")
        self.assert_refused(self.run_migrate(source, "redis://:secret@localhost:x"), "no port of Redis")
        self.assert_refused(self.run_migrate(source, "memory:"), "name another target")

    def test_a_target_whose_directory_is_not_there(self):
        source = self.source()
        for kind in ("sqlite", "lmdb"):
            done = self.run_migrate(source, f"{kind}:{self.directory}/no/such/place")
            self.assert_refused(done, f"{self.directory}/no/such", "No such file or directory")

    def test_a_server_that_is_not_there(self):
        source = self.source()
        for address in ("redis://127.0.0.1:1", f"redis+unix:{self.path('socket')}"):
            self.assert_refused(self.run_migrate(source, address), "cannot be reached")
            self.assert_refused(self.run_migrate(address, self.address("lmdb", "target")), "cannot be reached")
        self.assertFalse(os.path.exists(self.path("target")))

    def test_one_store_under_two_names(self):
        source = self.source()
        os.symlink(self.path("source"), self.path("link"))
        os.link(self.path("source"), self.path("hard"))
        relative = "sqlite:" + os.path.relpath(self.path("source"))
        for other in (source, relative, f"sqlite:{self.path('link')}", f"sqlite:{self.path('hard')}",
                      f"sqlite:{self.directory}/./source"):  # fmt: skip
            self.assert_refused(self.run_migrate(source, other, "--overwrite"), "the same store")
        # With two names it is not served either.
        os.unlink(self.path("hard"))
        lmdb = self.source("lmdb", "directory")
        os.symlink(self.path("directory"), self.path("way"))
        for other in (lmdb + "/", f"lmdb:{self.path('way')}"):
            self.assert_refused(self.run_migrate(lmdb, other, "--overwrite"), "the same store")
        for store in (source, lmdb):
            self.assert_sound(store)

    def test_one_prefix_of_redis_under_two_names(self):
        source = self.source("redis")
        before = self.census(source)
        for other in (source.replace("127.0.0.1", "localhost"), f"{self.redis.unix_address}?prefix=source"):
            self.assert_refused(self.run_migrate(source, other, "--overwrite"), "the same store")
        self.assertEqual(self.census(source), before)
        self.assertEqual(self.migrate(source, f"{self.redis.unix_address}?prefix=other"), before)


class Permissions(MigrateCase):
    """Root may do everything, so the command runs as nobody then."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)
        self.binary = shutil.copy(BINARY, self.directory)
        os.chmod(self.binary, 0o755)
        self.own = self.path("own")
        os.mkdir(self.own)
        if os.geteuid() == 0:
            os.chown(self.own, NOBODY, NOBODY)

    def run_as_nobody(self, source, target):
        prefix = []
        if os.geteuid() == 0:
            prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return subprocess.run(
            [*prefix, self.binary, "migrate", source, target], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip

    def closed(self, kind):
        """A store in a directory that only its owner may enter, and that directory."""
        place = self.path("closed-" + kind)
        os.mkdir(place)
        store = self.source(kind, f"closed-{kind}/store")
        return store, place

    def mine(self):
        """A store of the user that the command runs as."""
        shutil.copy(self.filled + "/roost.db", self.own + "/mine.db")
        if os.geteuid() == 0:
            os.chown(self.own + "/mine.db", NOBODY, NOBODY)
        return f"sqlite:{self.own}/mine.db"

    def test_files_of_somebody_else(self):
        mine, fresh = self.mine(), f"sqlite:{self.own}/fresh.db"
        for kind in ("sqlite", "lmdb"):
            store, place = self.closed(kind)
            before = self.census(store)
            os.chmod(place, 0o000)
            self.assert_refused(self.run_as_nobody(store, fresh), place, "Permission denied")
            self.assert_refused(self.run_as_nobody(mine, store), place, "Permission denied")
            os.chmod(place, 0o755)
            if os.geteuid() == 0:
                self.assert_refused(self.run_as_nobody(store, fresh), place, "Permission denied")
            self.assertEqual(self.census(store), before)
        self.assertFalse(os.path.exists(self.own + "/fresh.db"))
        self.assert_sound(mine)

    def test_a_target_in_a_directory_that_cannot_be_written(self):
        mine, place = self.mine(), self.path("read-only")
        os.mkdir(place, 0o555)
        for kind in ("sqlite", "lmdb"):
            done = self.run_as_nobody(mine, f"{kind}:{place}/target")
            self.assert_refused(done, f"{place}/target", "Permission denied")
        self.assertEqual(os.listdir(place), [])
        self.assert_sound(mine)


class Damage(MigrateCase):
    def refuse(self, address, *words):
        """As a source and as a target, which keeps its bytes."""
        before = self.content(address)
        self.assert_refused(self.run_migrate(address, self.address("sqlite", "fresh")), *words)
        self.assert_refused(self.run_migrate(self.source(name="good"), address), *words)
        self.assert_refused(self.run_migrate(self.source(name="good"), address, "--overwrite"), *words)
        self.assertEqual(self.content(address), before)
        self.assertFalse(os.path.exists(self.path("fresh")))
        self.assert_sound("sqlite:" + self.path("good"))

    def content(self, address):
        kind, _, path = address.partition(":")
        if kind == "redis":
            return self.redis.send("HGETALL", "{bad}:info")
        with open(path + ("/data.mdb" if kind == "lmdb" else ""), "rb") as file:
            return file.read()

    def overwrite(self, path, offset, data):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def test_a_file_that_is_something_else(self):
        for kind, name in (("sqlite", "bad.db"), ("lmdb", "bad/data.mdb")):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            with open(self.path(name), "wb") as file:
                file.write(b"Dear diary, today I was not a database.\n" * 500)
            self.refuse(self.address(kind, name.removesuffix("/data.mdb")), "is not an")

    def test_a_file_that_has_lost_its_end(self):
        for kind, file in (("sqlite", "sqlite"), ("lmdb", "lmdb/data.mdb")):
            store = self.source(kind, kind)
            os.truncate(self.path(file), 1 << 20)
            self.refuse(store, "is truncated")

    def test_a_newer_format(self):
        with contextlib.closing(sqlite3.connect(self.source(name="bad.db").partition(":")[2])) as database:
            database.execute("PRAGMA user_version = 1001")
            database.commit()
        self.refuse("sqlite:" + self.path("bad.db"), "newer")
        store = self.source("lmdb", "bad")
        for page in (0, 4096):
            self.overwrite(self.path("bad/data.mdb"), page + 20, (2).to_bytes(4, "little"))
        self.refuse(store, "an LMDB of data version 2. It was not touched")

    def test_a_newer_format_in_redis(self):
        store = self.source("redis", "bad")
        self.redis.send("HSET", "{bad}:info", "format", "1001")
        self.refuse(store, "newer")

    def test_records_that_cannot_be_read(self):
        """The file is whole, one record is not: what can be copied is not everything."""
        with contextlib.closing(sqlite3.connect(self.source(name="bad.db").partition(":")[2])) as database:
            database.execute("UPDATE client SET record = x'00' WHERE session = 77")
            database.commit()
        lmdb = self.source("lmdb", "bad")
        # Older copies of its page are about.
        damaged = self.content(lmdb).replace(b"fill/own/1234/value", b"fill/OWN/1234/value")
        self.overwrite(self.path("bad/data.mdb"), 0, damaged)
        redis = self.source("redis", "bad")
        self.redis.send("HSET", "{bad}:retained", "kept/3/3", "00000000000000000000nonsense")
        for source, name in ((f"sqlite:{self.path('bad.db')}", "1"), (lmdb, "2"), (redis, "3")):
            target = self.address("sqlite", "fresh" + name)
            done = self.run_migrate(source, target)
            self.assert_refused(done, "is not complete", "was left out")
            self.assert_refused(self.run_migrate(target, self.address("lmdb", "more")), "did not end")
        self.assertFalse(os.path.exists(self.path("more")))

    def test_counters_that_do_not_match(self):
        source = self.source("redis", "bad")
        self.redis.send("HINCRBY", "{bad}:info", "retained", "1")
        done = self.run_migrate(source, self.address("sqlite", "fresh"))
        self.assert_refused(done, "counts 5001 retained messages and has 5000", "roost verify")


class Room(MigrateCase):
    def test_a_target_on_a_disk_that_becomes_full(self):
        for kind in ("sqlite", "lmdb"):
            with self.subTest(kind=kind):
                source, place = self.source(name=kind + ".db"), self.path("small-" + kind)
                os.mkdir(place)
                self.mount(place, "size=16m")
                target = f"{kind}:{place}/target"
                done = self.run_migrate(source, target)
                self.assert_refused(done, "is full", "run the same command again")
                self.assert_sound(source)
                self.assert_refused(self.run_migrate(source, target), "is full")
                subprocess.run(["mount", "-o", "remount,size=200m", place], check=True)
                self.assertEqual(self.migrate(source, target), self.census(source))
                self.assert_sound(target)

    def mount(self, place, options):
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if mounted.returncode:
            self.skipTest(f"mounting is not permitted: {mounted.stdout!r}")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)

    def test_a_redis_without_memory(self):
        source, target = self.source(), self.address("redis", "target")
        used = int(self.redis.send("INFO", "memory").partition("used_memory:")[2].split()[0])
        self.redis.send("CONFIG", "SET", "maxmemory", used + (4 << 20))
        done = self.run_migrate(source, target)
        self.assert_refused(done, "has no memory left", "maxmemory", "run the same command again")
        self.redis.send("CONFIG", "SET", "maxmemory", 0)
        self.assertEqual(self.migrate(source, target), self.census(source))
        self.assert_sound(target)


class Servers(MigrateCase):
    def test_a_target_that_is_removed_on_the_way(self):
        source = self.source()
        before = self.census(source)
        for kind in ("sqlite", "lmdb"):
            target, path = self.address(kind, f"target-{kind}"), self.path(f"target-{kind}")
            for _ in range(20):  # It may be faster than the one who removes.
                process = self.start(source, target)
                if self.wait_until(lambda target=target: self.has_begun(target), process):
                    process.send_signal(signal.SIGSTOP)
                self.remove(path)
                process.send_signal(signal.SIGCONT)
                done = Done(process)
                if done.returncode:
                    break
            self.assert_refused(done, path, "run the same command again")
            self.assertEqual(self.migrate(source, target, "--overwrite"), before)
            self.assertEqual(self.census(source), before)

    def remove(self, path):
        """A directory, or a database and what lies beside it."""
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            for file in glob.glob(path + "*"):
                os.unlink(file)

    def test_a_redis_that_dies_on_the_way(self):
        source, target = self.source(), self.address("redis", "target")
        process = self.start(source, target)
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        self.redis.kill()
        self.assert_refused(Done(process), "127.0.0.1", "run the same command again")
        self.redis.start()
        self.assertEqual(self.migrate(source, target), self.census(source))
        self.assert_sound(target)

    def test_a_redis_that_dies_while_it_is_read(self):
        source, target = self.source("redis"), self.address("sqlite", "target")
        before = self.census(source)
        process = self.start(source, target)
        self.assertTrue(self.wait_until(lambda: self.has_begun(target), process))
        self.redis.kill()
        self.assert_refused(Done(process), "127.0.0.1", "run the same command again")
        self.redis.start()
        self.assertEqual(self.migrate(source, target), before)

    def test_a_password_that_is_wrong(self):
        source = self.source()
        with RedisServer() as server:
            server.send("CONFIG", "SET", "requirepass", "right")
            for login in (":wrong@", "", "somebody:right@"):
                address = f"redis://{login}127.0.0.1:{server.port}"
                for arguments in ((source, address), (address, self.address("lmdb", "target"))):
                    done = self.run_migrate(*arguments)
                    self.assert_refused(done, "refuses the user or the password")
                    self.assertNotIn(login or "@", done.stderr)
            self.migrate(source, f"redis://:right@127.0.0.1:{server.port}")
        self.assertFalse(os.path.exists(self.path("target")))

    def test_a_replica_that_is_read_only(self):
        source = self.source()
        with RedisServer((*SYNCED, "--replicaof", "127.0.0.1", str(self.redis.port))) as replica:
            done = self.run_migrate(source, replica.address)
            self.assert_refused(done, "is a read-only replica: name the primary")
        self.assert_sound(source)

    def test_a_server_that_throws_data_away(self):
        settings = (*SYNCED, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
        with RedisServer(settings) as server:
            self.assert_refused(self.run_migrate(self.source(), server.address), "maxmemory-policy")


class Arguments(unittest.TestCase):
    def test_an_argument_that_is_missing(self):
        for arguments in ((), ("sqlite:x",), ("sqlite:x", "sqlite:y", "sqlite:z")):
            done = run_to_the_end("migrate", *arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("Usage: roost migrate", done.stderr)


if __name__ == "__main__":
    unittest.main()
