# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""With strace on the real broker: the sync comes before the acknowledgement, and one sync serves many of them."""
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

import mqttwire as wire
from broker import Broker
from peer import PATIENCE, Peer

CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fdatasync,fsync"
READ, WRITE = ("read", "recv"), ("write", "send")


class Trace:
    """strace on all threads of a running process, until `stop`."""

    def __init__(self, pid):
        self.file = tempfile.NamedTemporaryFile("r", prefix="roost-strace-")
        command = ["strace", "-f", "-xx", "-s", "4096", "-e", f"trace={CALLS}", "-o", self.file.name, "-p", str(pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        first = self.process.stderr.readline()
        if "attached" not in first:
            self.process.kill()
            raise unittest.SkipTest(f"strace cannot attach: {first}")
        self.drain = threading.Thread(target=self.process.stderr.read)
        self.drain.start()

    def stop(self):
        """The lines of the trace."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.drain.join(PATIENCE)
        self.process.stderr.close()
        lines = self.file.read().splitlines()
        self.file.close()
        return lines


def has(line, calls, data):
    """Whether a line is a call (begun or resumed) that carries these bytes."""
    name = re.match(r"\d+\s+(?:<\.\.\. )?(\w+)", line)
    return bool(name) and name[1].startswith(calls) and "".join(f"\\x{byte:02x}" for byte in data) in line


def syncs(lines):
    """(line where it began, line where it ended) of each sync."""
    begun, found = {}, []
    for number, line in enumerate(lines):
        thread = line.split()[0]
        if re.search(r"f(data)?sync\(", line):
            if "<unfinished" in line:
                begun[thread] = number
            elif line.endswith("= 0"):
                found.append((number, number))
        elif re.search(r"<\.\.\. f(data)?sync resumed>", line) and line.endswith("= 0"):
            found.append((begun.pop(thread), number))
    return found


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class SyncOrder(unittest.TestCase):
    def setUp(self):
        self.broker = Broker().start()
        self.addCleanup(self.broker.close)
        with Peer(self.broker.port, "absent", clean=False, expiry=1000) as peer:
            peer.subscribe("stored", 2)

    def exchange(self, steps, version=5, name="client"):
        """Sends each request and waits for its answer under strace; gives back the trace."""
        peer = Peer(self.broker.port, name, version, clean=False, expiry=1000)
        self.addCleanup(peer.close)
        trace = Trace(self.broker.pid)
        try:
            for request, answer in steps:
                peer.send(request)
                self.assertIsNotNone(peer.next(answer[0] >> 4), f"no answer to {request!r}")
        finally:
            lines = trace.stop()
        return lines

    def assert_sync_between(self, lines, request, answer):
        came = next((i for i, line in enumerate(lines) if has(line, READ, request)), None)
        self.assertIsNotNone(came, f"{request!r} was not read")
        went = next((i for i, line in enumerate(lines) if i > came and has(line, WRITE, answer)), None)
        self.assertIsNotNone(went, f"{answer!r} was not written")
        between = [sync for sync in syncs(lines) if came < sync[0] and sync[1] < went]
        self.assertTrue(between, f"no sync between {lines[came]} and {lines[went]}")

    def test_every_acknowledgement_that_the_contract_covers_follows_a_sync(self):
        for version in (4, 5):
            publish1 = wire.publish(version, "stored", b"one", 1, 0x1111)
            publish2 = wire.publish(version, "stored", b"two", 2, 0x2222)
            release = wire.acknowledge(wire.PUBREL, 0x2222)
            subscribe = wire.subscribe(version, 0x3333, [("other/#", 1)])
            unsubscribe = wire.unsubscribe(version, 0x4444, ["other/#"])
            tail = {4: (b"\x90\x03\x33\x33\x01", b"\xb0\x02\x44\x44")}.get(
                version, (b"\x90\x04\x33\x33\x00\x01", b"\xb0\x04\x44\x44\x00\x00")
            )
            steps = [
                (publish1, b"\x40\x02\x11\x11"), (publish2, b"\x50\x02\x22\x22"), (release, b"\x70\x02\x22\x22"),
                (subscribe, tail[0]), (unsubscribe, tail[1]),
            ]  # fmt: skip
            lines = self.exchange(steps, version, f"client{version}")
            for request, answer in steps:
                with self.subTest(version=version, answer=answer):
                    self.assert_sync_between(lines, request, answer)

    def test_the_connack_of_a_persistent_session_follows_a_sync(self):
        trace = Trace(self.broker.pid)
        try:
            Peer(self.broker.port, "newcomer", 4, clean=False).close()
        finally:
            lines = trace.stop()
        request = wire.connect(4, "newcomer", False)
        self.assert_sync_between(lines, request, b"\x20\x02\x00\x00")

    def test_a_volatile_publish_waits_for_no_sync(self):
        publish = wire.publish(5, "nobody/stores/this", b"x", 1, 0x5555)
        lines = self.exchange([(publish, b"\x40\x03\x55\x55\x10")], name="volatile")
        came = next(i for i, line in enumerate(lines) if has(line, READ, publish))
        went = next(i for i, line in enumerate(lines) if has(line, WRITE, b"\x40") and "\\x55\\x55" in line)
        self.assertFalse([sync for sync in syncs(lines) if came < sync[0] and sync[1] < went])

    def test_one_sync_serves_many_acknowledgements(self):
        peers = [Peer(self.broker.port, f"loader{number}", clean=False, expiry=1000) for number in range(10)]
        burst = b"".join(wire.publish(5, "stored", b"x" * 50, 1, number + 1) for number in range(20))
        trace = Trace(self.broker.pid)
        try:
            for _ in range(5):
                for peer in peers:
                    peer.send(burst)
                for peer in peers:
                    for _ in range(20):
                        self.assertIsNotNone(peer.next(wire.PUBACK))
        finally:
            lines = trace.stop()
            for peer in peers:
                peer.close()
        count = len(syncs(lines))
        self.assertGreater(count, 0)
        self.assertLess(count * 5, 1000, f"{count} syncs for 1000 acknowledgements")


if __name__ == "__main__":
    unittest.main()
