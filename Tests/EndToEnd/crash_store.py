# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Where a round of the crash test keeps its data, and whether that is sound in the end."""
import contextlib
import os
import sqlite3

from broker import run_to_the_end
from redis_server import RedisServer

# With Redis it makes a difference what is killed: the broker, the Redis server, both, or, while a second broker stands
# by, the one that has the data, which then may only have been paused.
KINDS = ("sqlite", "lmdb", "redis", "redis-server", "redis-both", "redis-owner")


class FileStore:
    """A database in the directory of the broker."""

    redis = None

    def __init__(self, kind, broker):
        self.address = f"{kind}:{broker.data}/roost" + (".db" if kind == "sqlite" else "")

    def faults(self):
        """Sentences about what is wrong with the data; the broker has ended."""
        scheme, path = self.address.split(":", 1)
        if scheme == "sqlite":
            with contextlib.closing(sqlite3.connect(path)) as database:
                answer = database.execute("PRAGMA integrity_check").fetchall()
            if answer != [("ok",)]:
                yield f"integrity_check says {answer}"
        yield from verify(self.address)

    def close(self):
        """There is nothing to end."""


class RedisStore:
    """A Redis of its own, at a port or at a Unix socket."""

    def __init__(self, kind, broker, rng):
        self.redis = RedisServer(directory=os.path.join(broker.data, "redis"))
        self.address = rng.choice((self.redis.address, self.redis.unix_address))
        if kind == "redis-owner":
            self.address += "?lease=3&standby=60"

    def faults(self):
        """What Redis has when it comes back from a last kill is all there is."""
        self.redis.kill()
        self.redis.start()
        yield from verify(self.address)

    def close(self):
        self.redis.close()


def verify(address):
    done = run_to_the_end("verify", address, seconds=60)
    if done.returncode or "is sound" not in done.stdout:
        yield f"roost verify ends with {done.returncode}: {done.stdout[-1000:]} {done.stderr[-1000:]}"
