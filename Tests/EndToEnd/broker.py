# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Starts and stops a broker for the tests, always on loopback, always by its own process id.

ROOST names the binary (default: the release build). BROKER_COMMAND, a command with {port} and {data}, runs the same
tests against another broker.
"""
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from child import Child

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("ROOST", os.path.join(ROOT, ".build", "release", "roost"))
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20


class Port:
    """A port of 127.0.0.1 that is nobody else's until it is closed, also while nobody listens there.

    It lies below the ephemeral range, so no outgoing connection takes it. An abstract socket of its name keeps other
    tests away, in whatever process they run, and goes with this one.
    """

    def __init__(self):
        while True:
            self.number = random.SystemRandom().randint(20000, 31000)
            self.claim = socket.socket(socket.AF_UNIX)
            try:
                self.claim.bind(f"\0roost-test-port-{self.number}")
                with socket.socket() as attempt:
                    attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    attempt.bind(("127.0.0.1", self.number))
                return
            except OSError:
                self.claim.close()

    def close(self):
        self.claim.close()


def free_port():
    """A port for at once."""
    port = Port()
    port.close()
    return port.number


class Broker(Child):
    """One broker with a data directory and a port that it keeps over restarts."""

    def __init__(self, *flags, store="sqlite:{data}/roost.db", data=None, prefix=()):
        self.flags, self.prefix = flags, prefix
        self.owns_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="roost-test-")
        self.store = store.replace("{data}", self.data)
        self.reserved = Port()
        self.port = self.reserved.number
        self.process = None
        self.log_path = os.path.join(self.data if self.owns_data else tempfile.gettempdir(), f"log-{self.port}.txt")

    def beside(self):
        """Another broker on the same data, at a port of its own."""
        other = Broker(*self.flags, store=self.store, data=self.data, prefix=self.prefix)
        other.log_path = os.path.join(self.data, f"log-{other.port}.txt")
        return other

    def command(self):
        template = os.environ.get("BROKER_COMMAND")
        if template:
            return shlex.split(template.replace("{port}", str(self.port)).replace("{data}", self.data))
        listen = ["--listen", f"127.0.0.1:{self.port}"]
        return [*self.prefix, BINARY, "serve", "--store", self.store, *listen, *self.flags]

    def spawn(self):
        """Starts the process and does not wait for it to listen."""
        # The process that writes a backtrace would hold the port open.
        environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.data, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def start(self):
        """Until it serves at all of its addresses; it says so when it listens at the last one."""
        said = len(self.log()) if os.path.exists(self.log_path) else 0
        self.spawn()
        self.wait_until_it_listens()
        if self.says_when_it_serves():
            self.wait_until_log("serving MQTT", after=said)
        return self

    def says_when_it_serves(self):
        return "BROKER_COMMAND" not in os.environ and "--log-level" not in self.flags

    def wait_until_it_listens(self):
        end = time.monotonic() + START_SECONDS_MAX
        while not self.listens():
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker exited with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > end:
                raise RuntimeError(f"the broker did not listen in {START_SECONDS_MAX} s:\n{self.log()}")
            time.sleep(0.01)

    def wait_until_log(self, words, after=0):
        """Until the log says it, behind this many characters of it."""
        end = time.monotonic() + START_SECONDS_MAX
        while words not in self.log()[after:]:
            if self.process.poll() is not None and words not in self.log()[after:]:
                raise RuntimeError(f"the broker exited with {self.process.returncode} before {words!r}:\n{self.log()}")
            if time.monotonic() > end:
                raise RuntimeError(f"the broker did not say {words!r} in {START_SECONDS_MAX} s:\n{self.log()}")
            time.sleep(0.01)

    def terminate(self):
        """SIGTERM; gives back the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)

    def restart(self):
        self.kill()
        return self.start()

    def close(self):
        """Ends the process if it runs, and removes what this object made."""
        if self.runs():
            self.kill()
        self.reserved.close()
        if self.owns_data:
            shutil.rmtree(self.data, ignore_errors=True)
        elif os.path.exists(self.log_path):
            os.unlink(self.log_path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def run_to_the_end(*arguments, seconds=20):
    """Runs the binary until it exits; for start-up errors."""
    return subprocess.run(
        [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip
