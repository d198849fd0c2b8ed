# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What the tests of `roost migrate` share: stores with contents, runs of the command, and what a refusal looks like."""
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from broker import BINARY, run_to_the_end
from migration_ring import FILL
from redis_server import RedisServer

KINDS = ("sqlite", "lmdb", "redis")
RECORDS = 50_000


class MigrateCase(unittest.TestCase):
    """A directory per test, and stores in it."""

    filled = None

    @classmethod
    def setUpClass(cls):
        cls.filled = tempfile.mkdtemp(prefix="roost-filled-")
        cls.addClassCleanup(shutil.rmtree, cls.filled, ignore_errors=True)
        subprocess.run([FILL, cls.filled + "/roost.db", str(RECORDS)], check=True)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-migrate-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.server = None

    @property
    def redis(self):
        """A server that the test ends; started when it is first asked for."""
        if self.server is None:
            self.server = RedisServer(directory=self.directory + "/redis").start()
            self.addCleanup(self.server.close)
        return self.server

    def address(self, kind, name):
        if kind == "redis":
            return f"{self.redis.address}?prefix={name}"
        return f"{kind}:{self.directory}/{name}"

    def path(self, name):
        return f"{self.directory}/{name}"

    def source(self, kind="sqlite", name="source"):
        """A store of this kind with contents."""
        address = self.address(kind, name)
        if kind == "sqlite":
            shutil.copy(self.filled + "/roost.db", self.path(name))
        else:
            self.migrate(f"sqlite:{self.filled}/roost.db", address)
        return address

    def small(self, kind, name):
        """A store with other contents, and few."""
        other = self.path("small.db")
        if not os.path.exists(other):
            subprocess.run([FILL, other, "10000"], check=True)
        address = self.address(kind, name)
        self.migrate("sqlite:" + other, address)
        return address

    @staticmethod
    def run_migrate(source, target, *flags):
        return run_to_the_end("migrate", source, target, *flags, seconds=60)

    def migrate(self, source, target, *flags):
        """Gives back counts and digests per kind."""
        done = self.run_migrate(source, target, "--json", *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout.splitlines()[-1])["kinds"]

    @staticmethod
    def start(source, target, *flags, **options):
        """The command as a process, which gives way to the test that catches it on its way; errors can be read from it."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            ["nice", "-n", "10", BINARY, "migrate", source, target, *flags], stdin=subprocess.DEVNULL, text=True, **options
        )

    def census(self, address):
        """Counts and digests of what a store holds; also shows that it opens and is complete."""
        target = tempfile.mkdtemp(dir=self.directory)
        kinds = self.migrate(address, f"sqlite:{target}/census.db")
        shutil.rmtree(target)
        return kinds

    def assert_sound(self, address):
        done = run_to_the_end("verify", address, seconds=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_refused(self, done, *words):
        """Exit code 1 and one line on standard error that has all the words."""
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.endswith(".\n"), done.stderr)
        self.assertNotIn("Fatal error", done.stderr)

    @staticmethod
    def wait_until(condition, process=None, seconds=20):
        """True when the condition came true while the process ran, if there is one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            if process and process.poll() is not None:
                return False
            time.sleep(0.001)
        raise AssertionError("waited in vain")

    def has_begun(self, target):
        """Whether anything of the source is in a target that was empty."""
        kind, _, rest = target.partition(":")
        if kind == "redis":
            return self.redis.send("HLEN", "{" + target.rpartition("=")[2] + "}:client") > 0
        if kind == "lmdb":
            # It grows by what a whole batch may need.
            return os.path.exists(rest + "/data.mdb") and os.stat(rest + "/data.mdb").st_size > 32 << 20
        try:
            with contextlib.closing(sqlite3.connect(f"file:{rest}?mode=ro", uri=True)) as database:
                return database.execute("SELECT count(*) FROM client").fetchone()[0] > 0
        except sqlite3.OperationalError:
            return False


class Done:
    """A process that has ended, as `subprocess.run` gives it."""

    def __init__(self, process, seconds=60):
        self.stdout, self.stderr = process.communicate(timeout=seconds)
        self.returncode = process.returncode
