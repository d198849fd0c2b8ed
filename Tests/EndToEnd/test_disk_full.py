# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A disk that is full: nothing more is acknowledged, nothing is lost, consumers make room, work resumes by itself."""
import shutil
import subprocess
import tempfile
import time
import unittest

import mqttwire as wire
from broker import Broker
from peer import Peer

DISK_BYTES = 48 << 20
PAYLOAD_BYTES = 32 << 10
WINDOW = 20
ROOMY = ("--queued-messages-max", "1000000", "--queued-bytes-max", "100000000000")


class Filler:
    """Publishes numbered messages at one QoS, many at once, and remembers which were acknowledged."""

    def __init__(self, port, qos):
        self.peer = Peer(port, f"filler{qos}", clean=False, expiry=1000)
        self.qos, self.sent = qos, 0
        self.outstanding, self.acknowledged = {}, []

    def publish_until_nothing_is_acknowledged(self, seconds=2.0):
        last = time.monotonic()
        while time.monotonic() - last < seconds:
            while len(self.outstanding) < WINDOW:
                self.publish()
            if self.take_acknowledgements(0.2):
                last = time.monotonic()

    def publish(self):
        identifier, self.sent = self.peer.next_id(), self.sent + 1
        self.outstanding[identifier] = self.sent
        payload = f"{self.qos}:{self.sent}|".encode().ljust(PAYLOAD_BYTES, b"x")
        self.peer.send(wire.publish(5, "full", payload, self.qos, identifier))

    def take_acknowledgements(self, seconds):
        """How many came; at QoS 2 a PUBREC counts, and its handshake goes on."""
        packet, count = self.peer.next(wire.PUBACK, wire.PUBREC, seconds=seconds), 0
        while packet:
            number = self.outstanding.pop(packet.id)
            if packet.reason < 0x80:
                count += 1
                self.acknowledged.append(f"{self.qos}:{number}")
                if packet.kind == wire.PUBREC:
                    self.peer.send(wire.acknowledge(wire.PUBREL, packet.id))
            packet = self.peer.next(wire.PUBACK, wire.PUBREC, seconds=0)
        return count


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="roost-full-")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.directory],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if mounted.returncode:
            self.skipTest(f"mounting is not permitted: {mounted.stdout!r}")
        self.addCleanup(self.unmount)
        self.broker = Broker(*ROOMY, data=self.directory).start()
        self.addCleanup(self.broker.close)
        self.port = self.broker.port

    def unmount(self):
        subprocess.run(["umount", "-l", self.directory], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def subscribe(self):
        peer = Peer(self.port, "consumer", clean=False, expiry=1000)
        self.addCleanup(peer.close)
        return peer

    def consume(self, peer, expected, filler):
        """Until everything expected is there; meanwhile the publisher takes its acknowledgements."""
        received, end = [], time.monotonic() + 60
        while not set(expected) <= set(received) and time.monotonic() < end:
            packet = peer.next(wire.PUBLISH, seconds=0.2)
            if packet:
                received.append(bytes(packet.payload).partition(b"|")[0].decode())
            filler.take_acknowledgements(0)
        return received

    def fill_and_drain(self, qos):
        consumer = self.subscribe()
        consumer.subscribe("full", qos)
        consumer.disconnect()
        filler = Filler(self.port, qos)
        filler.publish_until_nothing_is_acknowledged()
        fitted = list(filler.acknowledged)
        self.assertGreater(len(fitted), 100)
        self.assertLess(len(fitted) * PAYLOAD_BYTES, DISK_BYTES)
        self.assertGreater(len(filler.outstanding), 0)
        self.online_traffic_flows()

        consumer = self.subscribe()
        self.assertEqual(consumer.connack.present, 1)
        everything = [f"{qos}:{number + 1}" for number in range(filler.sent)]
        received = self.consume(consumer, everything, filler)
        self.assertEqual(received, everything)
        end = time.monotonic() + 20
        while filler.outstanding and time.monotonic() < end:
            filler.take_acknowledgements(0.2)
        self.assertEqual(sorted(filler.outstanding), [], "publishing resumed by itself")

        filler.publish()
        self.assertEqual(self.consume(consumer, [f"{qos}:{filler.sent}"], filler), [f"{qos}:{filler.sent}"])
        self.assertEqual(self.broker.terminate(), 0)

    def online_traffic_flows(self):
        """QoS 1 between clients that are there needs no disk."""
        with Peer(self.port, "reader") as reader, Peer(self.port, "writer") as writer:
            reader.subscribe("online", 1)
            for number in range(20):
                self.assertEqual(writer.publish("online", str(number), 1), 0)
            self.assertEqual(reader.payloads(20), [str(number) for number in range(20)])

    def test_qos_1(self):
        self.fill_and_drain(1)

    def test_qos_2(self):
        self.fill_and_drain(2)

    def test_a_kill_while_the_disk_is_full(self):
        consumer = self.subscribe()
        consumer.subscribe("full", 1)
        consumer.disconnect()
        filler = Filler(self.port, 1)
        filler.publish_until_nothing_is_acknowledged()
        self.broker.restart()
        consumer = self.subscribe()
        self.assertEqual(consumer.connack.present, 1)
        received = self.consume(consumer, filler.acknowledged, FillerThatIsGone())
        self.assertEqual(received[: len(filler.acknowledged)], filler.acknowledged)


class FillerThatIsGone:
    def take_acknowledgements(self, _seconds):
        return 0


if __name__ == "__main__":
    unittest.main()
