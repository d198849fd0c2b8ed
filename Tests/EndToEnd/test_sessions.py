# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Sessions, wills, takeover and expiry, end to end."""
import time
import unittest

import mqttwire as wire
from broker import Broker
from peer import MosquittoSub, Paho, Peer, mosquitto_pub

VERSIONS = (4, 5)


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()
        cls.addClassCleanup(cls.broker.close)
        cls.port = cls.broker.port

    def peer(self, name, version=5, **options):
        peer = Peer(self.port, name, version, **options)
        self.addCleanup(peer.close)
        return peer

    def test_a_persistent_session_gets_what_it_missed_in_order(self):
        for version in VERSIONS:
            for qos in (1, 2):
                with self.subTest(version=version, qos=qos):
                    name, topic = f"keep{version}{qos}", f"k/{version}/{qos}"
                    first = self.peer(name, version, clean=False, expiry=100)
                    self.assertEqual(first.connack.present, 0)
                    first.subscribe(topic, qos)
                    first.disconnect()
                    with Peer(self.port, "writer", version) as writer:
                        for number in range(100):
                            writer.publish(topic, str(number), qos)
                    second = self.peer(name, version, clean=False, expiry=100)
                    self.assertEqual(second.connack.present, 1)
                    self.assertEqual(second.payloads(100), [str(number) for number in range(100)])

    def test_a_persistent_session_of_mosquitto_sub(self):
        arguments = ("-t", "ms/#", "-q", "2", "-i", "ms", "-c", "-x", "100")
        subscriber = MosquittoSub(self.port, *arguments)
        mosquitto_pub(self.port, "-t", "ms/1", "-q", "1", "-m", "online")
        self.assertEqual(subscriber.lines(), ["1 0 ms/1 online"])
        mosquitto_pub(self.port, "-t", "ms/2", "-q", "2", "-m", "missed")
        self.assertEqual(MosquittoSub(self.port, *arguments).lines(), ["2 0 ms/2 missed"])

    def test_a_persistent_session_of_paho(self):
        for version in VERSIONS:
            with Paho(self.port, f"ps{version}", version, clean=False, expiry=100) as client:
                client.subscribe("ps/#", 2)
            mosquitto_pub(self.port, "-t", "ps/x", "-q", "2", "-m", str(version))
            with Paho(self.port, f"ps{version}", version, clean=False, expiry=100) as client:
                self.assertTrue(client.session_present)
                self.assertEqual(client.payloads(1), [str(version)])

    def test_a_clean_start_ends_the_old_session(self):
        for version in VERSIONS:
            old = self.peer(f"clean{version}", version, clean=False, expiry=100)
            old.subscribe("clean/#", 1)
            old.disconnect()
            mosquitto_pub(self.port, "-t", "clean/x", "-q", "1", "-m", "missed")
            new = self.peer(f"clean{version}", version, clean=True)
            self.assertEqual(new.connack.present, 0)
            new.publish("clean/x", "now", 1)
            self.assertTrue(new.is_silent())

    def test_an_unacknowledged_delivery_comes_again_with_dup_and_its_packet_id(self):
        for version in VERSIONS:
            for qos in (1, 2):
                with self.subTest(version=version, qos=qos):
                    name = f"again{version}{qos}"
                    first = self.peer(name, version, clean=False, expiry=100)
                    first.subscribe("again", qos)
                    first.answers = False
                    mosquitto_pub(self.port, "-t", "again", "-q", str(qos), "-m", "m")
                    before = first.messages(1)[0]
                    first.break_connection()
                    after = self.peer(name, version, clean=False, expiry=100).messages(1)[0]
                    self.assertEqual((before.dup, after.dup, after.id), (False, True, before.id))

    def test_after_pubrec_the_pubrel_comes_again_and_not_the_message(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                name = f"rel{version}"
                first = self.peer(name, version, clean=False, expiry=100)
                first.subscribe("rel", 2)
                first.answers = False
                mosquitto_pub(self.port, "-t", "rel", "-q", "2", "-m", "m")
                message = first.messages(1)[0]
                first.send(wire.acknowledge(wire.PUBREC, message.id))
                self.assertEqual(first.next(wire.PUBREL).id, message.id)
                first.break_connection()
                second = self.peer(name, version, clean=False, expiry=100)
                self.assertEqual(second.next(wire.PUBREL).id, message.id)
                self.assertTrue(second.is_silent())

    def test_receive_maximum_bounds_what_is_in_flight(self):
        peer = self.peer("window", pairs=[(wire.RECEIVE_MAXIMUM, 3)])
        peer.subscribe("window", 1)
        peer.answers = False
        with Peer(self.port, "writer") as writer:
            for number in range(10):
                writer.publish("window", str(number), 1)
        held = peer.messages(3) + peer.messages(1, seconds=0.5)
        self.assertEqual([bytes(each.payload) for each in held], [b"0", b"1", b"2"])
        peer.answers = True
        for each in held:
            peer.send(wire.acknowledge(wire.PUBACK, each.id))
        self.assertEqual(peer.payloads(7), [str(number) for number in range(3, 10)])

    def test_takeover(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                first = self.peer(f"take{version}", version, clean=False, expiry=100)
                first.subscribe("take", 1)
                second = self.peer(f"take{version}", version, clean=False, expiry=100)
                farewell = first.until_closed()
                self.assertEqual(farewell and farewell.reason, 0x8E if version == 5 else None)
                self.assertEqual(second.connack.present, 1)
                mosquitto_pub(self.port, "-t", "take", "-q", "1", "-m", "m")
                self.assertEqual(second.payloads(1), ["m"])

    def test_session_expiry(self):
        first = self.peer("brief", clean=False, expiry=1)
        first.subscribe("brief", 1)
        first.disconnect()
        self.peer("brief", clean=False, expiry=1).disconnect()
        time.sleep(4)
        self.assertEqual(self.peer("brief", clean=False, expiry=1).connack.present, 0)

    def test_message_expiry(self):
        first = self.peer("slow", clean=False, expiry=100)
        first.subscribe("expires", 1)
        first.disconnect()
        with Peer(self.port, "writer") as writer:
            writer.publish("expires", "short", 1, pairs=[(wire.EXPIRY, 1)])
            writer.publish("expires", "long", 1, pairs=[(wire.EXPIRY, 100)])
        time.sleep(2)
        returned = self.peer("slow", clean=False, expiry=100)
        found = returned.messages(1)
        self.assertTrue(returned.is_silent())
        self.assertEqual([bytes(each.payload) for each in found], [b"long"])
        self.assertIn(found[0].properties[wire.EXPIRY], range(60, 100))

    def test_a_server_assigned_client_identifier(self):
        first, second = self.peer(""), self.peer("")
        names = {bytes(each.connack.properties[0x12]) for each in (first, second)}
        self.assertEqual(len(names), 2)

    def test_keep_alive(self):
        began = time.monotonic()
        peer = self.peer("silent", keep_alive=1)
        farewell = peer.until_closed()
        self.assertEqual(farewell.reason, 0x8D)
        self.assertGreater(time.monotonic() - began, 1.2)


class Wills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()
        cls.addClassCleanup(cls.broker.close)
        cls.port = cls.broker.port

    def setUp(self):
        self.watcher = Peer(self.port, "watcher")
        self.addCleanup(self.watcher.close)
        self.watcher.subscribe("will/#", 2)

    def test_a_will_is_published_when_the_connection_breaks(self):
        for version in VERSIONS:
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    will = (f"will/{qos}", b"gone", qos, False, ())
                    Peer(self.port, "doomed", version, will=will).break_connection()
                    message = self.watcher.messages(1)[0]
                    self.assertEqual((message.topic, message.payload, message.qos), (f"will/{qos}", b"gone", qos))

    def test_a_will_of_paho(self):
        for version in VERSIONS:
            client = Paho(self.port, "doomedpaho", version, will=("will/paho", "gone", 1, False))
            client.break_connection()
            self.assertEqual(self.watcher.payloads(1), ["gone"])

    def test_a_disconnect_takes_the_will_back(self):
        for version in VERSIONS:
            Peer(self.port, f"polite{version}", version, will=("will/x", b"gone", 1, False, ())).disconnect()
        self.assertTrue(self.watcher.is_silent())

    def test_a_disconnect_with_will_does_not(self):
        Peer(self.port, "blunt", will=("will/x", b"gone", 1, False, ())).disconnect(0x04)
        self.assertEqual(self.watcher.payloads(1), ["gone"])

    def test_a_will_is_delayed_and_dropped_when_the_client_returns(self):
        def doomed(clean=False):
            will = ("will/late", b"gone", 1, False, [(wire.WILL_DELAY, 4)])
            return Peer(self.port, "late", clean=clean, expiry=100, will=will)

        doomed().break_connection()
        self.assertTrue(self.watcher.is_silent(0.3))
        returned = doomed()
        self.assertTrue(self.watcher.is_silent(4.5))
        returned.break_connection()
        self.assertEqual(self.watcher.payloads(1), ["gone"])

    def test_a_retained_will(self):
        self.watcher.subscribe("kept/#", 1)
        Peer(self.port, "doomed", will=("kept/will", b"gone", 1, True, [(wire.USER, ("a", "b"))])).break_connection()
        self.watcher.messages(1)
        with Peer(self.port, "later") as later:
            later.subscribe("kept/will", 1)
            message = later.messages(1)[0]
            self.assertEqual((message.payload, message.retain), (b"gone", True))
            self.assertEqual(message.properties[wire.USER], [("a", "b")])


if __name__ == "__main__":
    unittest.main()
