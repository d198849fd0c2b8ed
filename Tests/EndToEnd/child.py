# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A server process of the tests, that has a port and a log."""
import os
import signal
import socket
import time

PAUSE_SECONDS_MAX = 20


class Child:
    """What brokers and Redis servers of the tests have in common; a subclass sets these three and starts them."""

    process = port = log_path = None

    @property
    def pid(self):
        return self.process.pid

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self):
        """kill -9, the crash of the tests."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        """SIGSTOP; returns when every thread stands still, which may take a moment on a busy machine."""
        self.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + PAUSE_SECONDS_MAX
        while not self._stands_still():
            if time.monotonic() > end:
                raise RuntimeError(f"process {self.pid} did not stand still in {PAUSE_SECONDS_MAX} s")
            time.sleep(0.002)

    def resume(self):
        """SIGCONT"""
        self.process.send_signal(signal.SIGCONT)

    def _stands_still(self):
        tasks = f"/proc/{self.pid}/task"
        for task in os.listdir(tasks):
            try:
                with open(f"{tasks}/{task}/stat", encoding="utf-8", errors="replace") as file:
                    if file.read().rpartition(")")[2].split()[0] != "T":
                        return False
            except (FileNotFoundError, ProcessLookupError):  # A thread that has just ended.
                return False
        return True
