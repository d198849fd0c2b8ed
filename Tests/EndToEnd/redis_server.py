# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Starts and stops a real redis-server for the tests, with files and a port of its own, always by its process id."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

from broker import START_SECONDS_MAX, Port
from child import Child

# Every write is synced before it is answered, and there are no snapshots.
SYNCED = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")

# Redis 7 ends with this when it was killed while it began another append-only file after a crash that had torn a
# transaction. It has cut the old file by then, so it starts the next time.
CUT = "Fatal error: the truncated file is not the last file"

EXEC = b"*1\r\n$4\r\nEXEC\r\n"
# The beginning of a transaction. If its first command is ever executed, `roost verify` finds what it sets.
TORN = (
    b"*1\r\n$5\r\nMULTI\r\n*4\r\n$4\r\nHSET\r\n$18\r\n{roost}:references\r\n$20\r\n00000000000000000001\r\n$1\r\n7\r\n"
    b"*3\r\n$3\r\nSE"
)


class RedisError(Exception):
    """What Redis answers with a minus in front."""


class RedisServer(Child):
    """One server with a directory, a port and a Unix socket that it keeps over restarts."""

    def __init__(self, settings=SYNCED, directory=None):
        self.settings = settings
        self.owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="roost-redis-")
        os.makedirs(self.directory, exist_ok=True)
        self.reserved = Port()
        self.port = self.reserved.number
        self.socket_path = os.path.join(self.directory, "socket")
        self.log_path = os.path.join(self.directory, "log")
        self.log_start = 0

    @property
    def address(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_address(self):
        return f"redis+unix:{self.socket_path}"

    def spawn(self):
        """Starts the process and does not wait for it to listen."""
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket_path,
                 "--dir", self.directory, *self.settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def start(self):
        """Until it has loaded its data."""
        self.spawn()
        end = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready():
            self.spawn_again_if_cut()
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"redis-server did not start: {self.log()[-2000:]}")
            time.sleep(0.005)
        return self

    def spawn_again_if_cut(self):
        """As whoever looks after it does; gives back whether it did."""
        if self.process.poll() is None or CUT not in self.log()[self.log_start:]:
            return False
        self.spawn()
        return True

    def is_ready(self):
        try:
            return self.send("PING") == "PONG"
        except (OSError, EOFError, RedisError):
            return False

    def send(self, *command):
        """Sends one command on a connection of its own; gives back its answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = [str(part).encode() for part in command]
            lines = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
            connection.sendall(b"*%d\r\n%s" % (len(parts), lines))
            with connection.makefile("rb") as file:
                return _answer(file)

    @property
    def append_only_file(self):
        """The one that was written last."""
        folder = os.path.join(self.directory, "appendonlydir")
        names = [name for name in os.listdir(folder) if name.endswith(".incr.aof")]
        return os.path.join(folder, max(names, key=lambda name: int(name.split(".")[-3])))

    def ends_with_a_transaction(self):
        with open(self.append_only_file, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(EXEC)))
            return file.read() == EXEC

    def tear(self):
        """As if it had been killed while it wrote another transaction. It does not run."""
        with open(self.append_only_file, "ab") as file:
            file.write(TORN)

    def close(self):
        if self.runs():
            self.kill()
        self.reserved.close()
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def _answer(file):
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("Redis closed the connection")
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"-":
        raise RedisError(text)
    if kind == b":":
        return int(text)
    if kind == b"$":
        return file.read(int(text) + 2)[:-2].decode(errors="replace") if int(text) >= 0 else None
    if kind == b"*":
        return [_answer(file) for _ in range(int(text))]
    return text
