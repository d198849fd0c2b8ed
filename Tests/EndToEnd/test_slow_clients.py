# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Many clients come back after a restart, with long queues, and read slowly: the broker keeps a little for each."""
import os
import socket
import time
import unittest

import mqttwire as wire
from broker import Broker
from peer import PATIENCE, Peer

CLIENTS, MESSAGES, PAYLOAD_BYTES = 60, 60, 200_000
BUDGET_BYTES = 16 << 20
# Of 720 MB in the queues: the budget, twice, one message in each of the places where one is kept, and what the broker
# takes at rest.
MEMORY_MAX = 2 * BUDGET_BYTES + 3 * CLIENTS * PAYLOAD_BYTES + (32 << 20)


class SlowClients(unittest.TestCase):
    def memory(self):
        """Anonymous memory of the broker in bytes."""
        with open(f"/proc/{self.broker.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon"))

    def come_back(self, name):
        """A client that asks for its queue and does not read it."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.broker.port))
        client.sendall(wire.connect(5, name, False, 0, [(wire.SESSION_EXPIRY, 1000)], None))

    def until_resumed(self, count):
        """The log says so at level debug."""
        end = time.monotonic() + PATIENCE
        while self.broker.log().count(" resumed") < count:
            self.assertLess(time.monotonic(), end, self.broker.log()[-2000:])
            time.sleep(0.05)

    def test_memory_does_not_grow_with_what_they_do_not_read(self):
        names = [f"slow{number}" for number in range(CLIENTS)]
        flags = ("--delivery-bytes-max", str(BUDGET_BYTES), "--log-level", "debug", "--event-loops", "2")
        with Broker(*flags) as self.broker:
            for name in names:
                with Peer(self.broker.port, name, clean=False, expiry=1000) as peer:
                    peer.subscribe("all", 1)
                    peer.disconnect()
            payloads = [os.urandom(8) * (PAYLOAD_BYTES // 8) for _ in range(MESSAGES)]
            with Peer(self.broker.port, "publisher") as publisher:
                for payload in payloads:
                    self.assertEqual(publisher.publish("all", payload, 1), 0)
            self.broker.restart()
            for name in names[1:]:
                self.come_back(name)
            self.until_resumed(CLIENTS - 1)
            greatest, end = 0, time.monotonic() + 3  # Long enough to read all queues several times.
            while time.monotonic() < end:
                greatest = max(greatest, self.memory())
                time.sleep(0.05)
            self.assertLess(greatest, MEMORY_MAX)
            # Who reads gets everything meanwhile.
            with Peer(self.broker.port, names[0], clean=False, expiry=1000) as reader:
                self.assertEqual([bytes(each.payload) for each in reader.messages(MESSAGES, seconds=60)], payloads)


if __name__ == "__main__":
    unittest.main()
