# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The processes of a measurement: a broker on one of the four stores, and the Redis server of its own."""
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEnd"))
import broker as endtoend  # noqa: E402
import mqttwire as wire  # noqa: E402

STORES = ["memory", "sqlite", "lmdb", "redis"]
FLOOR = os.path.join(HERE, "floor")
START_SECONDS_MAX = 60


def written_bytes(pid):
    """What the kernel was given to write to disks, as of now."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))


def anonymous_kib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("RssAnon")), 0)
    except OSError:
        return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disk_bytes(path):
    """What the files of a directory take on the disk."""
    found = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                found += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return found


class Redis:
    """A server with `appendonly yes` and `appendfsync always`, ended by its own process id."""

    def __init__(self, data):
        self.port, self.data = endtoend.free_port(), data
        os.makedirs(data, exist_ok=True)
        options = {
            "port": self.port, "bind": "127.0.0.1", "dir": data, "save": "", "appendonly": "yes",
            "appendfsync": "always", "logfile": os.path.join(data, "redis.log"), "daemonize": "no",
        }  # fmt: skip
        flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self.process = subprocess.Popen(["redis-server", *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS_MAX
        while self.ask("PING") != "+PONG":
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def ask(self, *words):
        """The answer to one command as it comes; `None` when there is nobody."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
                connection.sendall(f"*{len(words)}\r\n{parts}".encode())
                return connection.recv(4096).decode(errors="replace").strip()
        except OSError:
            return None

    def close(self):
        self.process.kill()
        self.process.wait()


class World:
    """A broker on a store in a directory that is thrown away."""

    def __init__(self, store, place):
        self.store = store
        self.data = tempfile.mkdtemp(prefix=f"roost-{store}-", dir=place)
        self.redis = Redis(os.path.join(self.data, "redis")) if store == "redis" else None
        self.broker = endtoend.Broker("--log-level", "warning", store=self.address(), data=self.data)
        self.broker.start()

    def address(self):
        return {
            "memory": "memory:",
            "sqlite": f"sqlite:{self.data}/roost.db",
            "lmdb": f"lmdb:{self.data}/lmdb",
            "redis": f"redis://127.0.0.1:{self.redis.port}" if self.redis else "",
        }[self.store]

    @property
    def pid(self):
        return self.broker.pid

    def usage(self):
        """CPU seconds and bytes written so far: the broker's, and the server's if there is one."""
        pids = [self.pid] + ([self.redis.pid] if self.redis else [])
        return [(cpu_seconds(pid), written_bytes(pid)) for pid in pids]

    def batches(self):
        """The number of the last committed batch; zero where nobody can be asked."""
        if self.store == "redis":
            return int((self.redis.ask("HGET", "{roost}:info", "batch") or "0").split("\r\n")[-1])
        if self.store == "lmdb":
            done = subprocess.run([FLOOR, "batch", "--at", f"{self.data}/lmdb"], capture_output=True, check=False)
            return int(done.stdout or 0)
        if self.store == "sqlite":
            import sqlite3  # Not every Python has it.

            with sqlite3.connect(f"file:{self.data}/roost.db?mode=ro", uri=True) as database:
                record = database.execute("SELECT record FROM info").fetchone()[0]
            return struct.unpack_from("<Q", record, 6)[0]
        return 0

    def restart(self, crash=True):
        """Ends the broker and starts it again; the seconds from the start of the process to its first CONNACK."""
        if crash:
            self.broker.kill()
        else:
            self.broker.terminate()
        start = time.monotonic()
        self.broker.spawn()
        while not self.answers():
            if self.broker.process.poll() is not None or time.monotonic() - start > START_SECONDS_MAX:
                raise RuntimeError(f"the broker did not come back:\n{self.broker.log()}")
            time.sleep(0.002)
        return time.monotonic() - start

    def answers(self):
        """Whether a CONNECT is answered."""
        try:
            with socket.create_connection(("127.0.0.1", self.broker.port), 1) as connection:
                connection.settimeout(START_SECONDS_MAX)
                connection.sendall(wire.connect(4, "first", True))
                return connection.recv(4)[:1] == b"\x20"
        except OSError:
            return False

    def close(self):
        self.broker.close()
        if self.redis:
            self.redis.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class MemoryWatch:
    """The greatest RssAnon of a process that may change, sampled until told otherwise, per stretch of time."""

    EVERY_SECONDS = 0.02

    def __init__(self, world):
        self.world, self.most, self.running = world, 0, True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.running:
            self.most = max(self.most, anonymous_kib(self.world.pid))
            time.sleep(self.EVERY_SECONDS)

    def take(self):
        """MiB since the last time."""
        most, self.most = max(self.most, anonymous_kib(self.world.pid)), 0
        return most / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
