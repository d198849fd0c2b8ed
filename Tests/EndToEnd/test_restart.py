# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What is acknowledged is there after `kill -9`; what SIGTERM does."""
import json
import time
import unittest

import mqttwire as wire
from broker import Broker
from peer import MosquittoSub, Paho, Peer, mosquitto_pub

VERSIONS = (4, 5)


class AfterAKill(unittest.TestCase):
    def setUp(self):
        self.broker = Broker().start()
        self.addCleanup(self.broker.close)
        self.port = self.broker.port

    def peer(self, name, version=5, clean=False, expiry=100, **options):
        peer = Peer(self.port, name, version, clean=clean, expiry=expiry, **options)
        self.addCleanup(peer.close)
        return peer

    def test_retained_messages(self):
        for qos in (1, 2):
            mosquitto_pub(self.port, "-t", f"r/{qos}", "-q", str(qos), "-r", "-m", "kept")
            mosquitto_pub(self.port, "-t", f"c/{qos}", "-q", str(qos), "-r", "-m", "cleared")
            mosquitto_pub(self.port, "-t", f"c/{qos}", "-q", str(qos), "-r", "-n")
        self.broker.restart()
        peer = self.peer("looker")
        peer.subscribe("#", 2)
        self.assertEqual(sorted(each.topic for each in peer.messages(2)), ["r/1", "r/2"])
        self.assertTrue(peer.is_silent())

    def test_session_subscriptions_and_queue(self):
        for version in VERSIONS:
            peer = self.peer(f"s{version}", version)
            peer.subscribe("q/#", 2)
            peer.disconnect()
        with Peer(self.port, "writer") as writer:
            for number in range(200):
                writer.publish("q/x", str(number), 1 + number % 2)
        self.broker.restart()
        peers = [self.peer(f"s{version}", version) for version in VERSIONS]
        for peer in peers:
            self.assertEqual(peer.connack.present, 1)
            received = peer.payloads(200)
            for qos in (1, 2):  # Messages of different QoS may overtake each other [MQTT-4.6.0-6].
                mine = [payload for payload in received if int(payload) % 2 == qos - 1]
                self.assertEqual(mine, [str(number) for number in range(qos - 1, 200, 2)])
        mosquitto_pub(self.port, "-t", "q/y", "-q", "1", "-m", "subscribed")
        for peer in peers:
            self.assertEqual(peer.payloads(1), ["subscribed"])

    def test_a_session_that_was_connected(self):
        for version in VERSIONS:
            self.peer(f"on{version}", version).subscribe("on", 1)
        self.broker.restart()
        for version in VERSIONS:
            peer = self.peer(f"on{version}", version)
            self.assertEqual(peer.connack.present, 1)
            mosquitto_pub(self.port, "-t", "on", "-q", "1", "-m", "still here")
            self.assertEqual(peer.payloads(1), ["still here"])

    def test_subscription_options_and_identifiers(self):
        peer = self.peer("opt")
        peer.subscribe("opt/#", 1, options=4 | 8, number=77)
        self.broker.restart()
        peer = self.peer("opt")
        peer.publish("opt/x", "own", 1)
        with Peer(self.port, "writer") as writer:
            writer.publish("opt/x", "other", 2, retain=True)
        message = peer.messages(1)[0]
        found = (bytes(message.payload), message.qos, message.retain, message.properties[wire.SUBSCRIPTION_ID])
        self.assertEqual(found, (b"other", 1, True, [77]))

    def test_an_ended_session_stays_ended(self):
        self.peer("gone").subscribe("gone", 1)
        self.assertEqual(self.peer("gone", clean=True).connack.present, 0)
        self.broker.restart()
        peer = self.peer("gone")
        self.assertEqual(peer.connack.present, 1)
        peer.publish("gone", "m", 1)
        self.assertTrue(peer.is_silent())

    def test_a_qos_2_message_in_the_middle_of_its_handshake(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                subscriber = self.peer(f"sub{version}", version)
                subscriber.subscribe("two", 2)
                publisher = self.peer(f"pub{version}", version)
                data = wire.publish(version, "two", b"once", 2, 9)
                publisher.send(data)
                self.assertEqual(publisher.next(wire.PUBREC).id, 9)
                self.assertEqual(subscriber.payloads(1), ["once"])
                subscriber.next(wire.PUBREL)
                self.broker.restart()
                publisher = self.peer(f"pub{version}", version)
                publisher.send(wire.publish(version, "two", b"once", 2, 9, dup=True))
                self.assertEqual(publisher.next(wire.PUBREC).id, 9)
                publisher.send(wire.acknowledge(wire.PUBREL, 9))
                self.assertEqual(publisher.next(wire.PUBCOMP).id, 9)
                self.assertEqual(self.peer(f"sub{version}", version).payloads(1, seconds=0.5), [])

    def test_a_will_is_published_once_after_the_start(self):
        watcher = self.peer("watcher")
        watcher.subscribe("will", 2)
        self.peer("doomed", will=("will", b"gone", 2, False, ()))
        self.broker.restart()
        watcher = self.peer("watcher")
        self.assertEqual(watcher.payloads(1), ["gone"])
        self.assertIsNotNone(watcher.next(wire.PUBREL), "which says that it is known to have arrived")
        self.assertTrue(watcher.is_silent())
        self.broker.restart()
        self.assertEqual(self.peer("watcher").payloads(1, seconds=0.7), [])

    def test_session_expiry_runs_on(self):
        peer = self.peer("brief", expiry=1)
        peer.subscribe("x", 1)
        self.broker.restart()
        time.sleep(2.5)
        self.assertEqual(self.peer("brief").connack.present, 0)

    def test_paho_and_mosquitto_sub_find_their_messages(self):
        with Paho(self.port, "paho", clean=False, expiry=100) as client:
            client.subscribe("ready", 1)
        arguments = ("-t", "ready", "-q", "1", "-i", "ms", "-c", "-x", "100")
        subscriber = MosquittoSub(self.port, *arguments)
        mosquitto_pub(self.port, "-t", "ready", "-q", "1", "-m", "first")
        self.assertEqual(subscriber.lines(), ["1 0 ready first"])
        # Once a session is taken over, what it acknowledged before is known and committed.
        Peer(self.port, "ms", clean=False, expiry=100).disconnect()
        mosquitto_pub(self.port, "-t", "ready", "-q", "1", "-m", "second")
        self.broker.restart()
        self.assertEqual(MosquittoSub(self.port, *arguments).lines(), ["1 0 ready second"])
        with Paho(self.port, "paho", clean=False, expiry=100) as client:
            self.assertTrue(client.session_present)
            self.assertEqual(client.payloads(2), ["first", "second"])


class Shutdown(unittest.TestCase):
    def test_sigterm_says_why_and_exits_0(self):
        with Broker() as broker:
            peers = [Peer(broker.port, f"p{version}", version, clean=False, expiry=100) for version in VERSIONS]
            for peer in peers:
                self.addCleanup(peer.close)
                peer.subscribe("x", 1)
            peers[0].publish("x", "kept", 1)
            self.assertEqual(broker.terminate(), 0)
            self.assertIsNone(peers[0].until_closed())
            self.assertEqual(peers[1].until_closed().reason, 0x8B)
            broker.start()
            with Peer(broker.port, "p5", clean=False, expiry=100) as again:
                self.assertEqual(again.connack.present, 1)

    def test_the_start_says_what_was_restored(self):
        with Broker("--log-format", "json") as broker:
            with Peer(broker.port, "p", clean=False, expiry=100) as peer:
                peer.subscribe("x/#", 1)
                peer.subscribe("y/#", 1)
            mosquitto_pub(broker.port, "-t", "x/1", "-q", "1", "-r", "-m", "m")
            broker.terminate()
            before = len(broker.log())
            broker.start()
            lines = [json.loads(line) for line in broker.log()[before:].splitlines()]
            restored = " ".join(f"{name}={value}" for name, value in flattened(lines, "restored").items())
            for words in ("sessions=1", "subscriptions=2", "retained=1", "queued=1", "durability=disk", "roost.db"):
                self.assertIn(words, restored)
            self.assertIn(f"127.0.0.1:{broker.port}", json.dumps(lines))


def flattened(lines, message):
    """The fields of the log line with this message, its fields beside the others."""
    line = next(each for each in lines if message in each.values())
    return {**line, **line.get("fields", {})}


if __name__ == "__main__":
    unittest.main()
