# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""One broker has a prefix of Redis at a time: a second one stands by, and the first can do nothing once it took over."""
import time
import unittest

import mqttwire as wire
from broker import START_SECONDS_MAX
from peer import Paho
from test_redis import EXIT_SECONDS_MAX, OnRedis

LEASE_SECONDS = 3


class Owners(OnRedis):
    def setUp(self):
        super().setUp()
        self.first = self.broker()
        self.leave_session(self.first)

    def stand_by(self):
        second = self.broker(start=False)
        second.spawn()
        second.wait_until_log("notice standing by: ")
        self.assertIn(f"{self.redis.address} is in use by another Roost (", second.log())
        self.assertIn(f"process {self.first.pid})", second.log())
        time.sleep(0.5)  # It may not serve, however long it is given.
        self.assertIsNone(second.process.poll(), second.log())
        self.assertFalse(second.listens())
        return second

    def first_has_a_lease_that_nobody_outwaits(self):
        """Whoever serves after it was not waiting for the lease to end."""
        self.assertEqual(self.first.terminate(), 0)
        self.first = self.broker(f"?lease={3 * START_SECONDS_MAX}")

    def until_it_serves(self, second):
        began = time.monotonic()
        second.wait_until_it_listens()
        took = time.monotonic() - began
        print(f"{self.id().rsplit('.', 1)[1]}: the second broker served after {took:.2f} s")

    def taken_over(self, second):
        name = f"process {second.pid}"
        return [line for line in self.first.log().splitlines() if "was taken over by another Roost" in line and name in line]

    def assert_first_has_ended(self, second):
        self.assertEqual(self.first.process.wait(EXIT_SECONDS_MAX), 1, self.first.log())
        self.assertTrue(self.first.log().splitlines()[-1].startswith("roost: The broker has ended"), self.first.log())
        self.assertEqual(len([line for line in self.taken_over(second) if line.startswith("roost: ")]), 1)

    def test_an_owner_that_was_only_paused_can_do_nothing_any_more(self):
        online = self.peer(self.first, "online")
        online.subscribe("q/#", 2)
        publisher = self.peer(self.first, "publisher")
        published = [f"before {number}" for number in range(10)]
        for text in published:
            self.assertEqual(publisher.publish("q/a", text, 2), 0)
        self.assertEqual(online.payloads(10), published)
        publisher.send(wire.publish(5, "q/a", b"recorded", 2, 100))
        self.assertEqual(publisher.next(wire.PUBREC).id, 100)
        second = self.stand_by()

        self.first.pause()
        sent = {number: f"during {number}" for number in range(101, 111)}
        for identifier, text in sent.items():
            publisher.send(wire.publish(5, "q/a", text.encode(), 2, identifier))
        publisher.send(wire.acknowledge(wire.PUBREL, 100))
        self.until_it_serves(second)

        # The publisher gives up, goes to the second, and sends again what was not acknowledged.
        again = self.peer(second, "publisher")
        self.assertEqual(again.connack.present, 1)
        again.send(wire.acknowledge(wire.PUBREL, 100))
        self.assertEqual(again.next(wire.PUBCOMP).id, 100)
        for identifier, text in list(sent.items())[:5]:
            self.send_again(again, identifier, text)
        batch = self.redis.send("HGET", "{roost}:info", "batch")

        self.first.resume()
        with self.assertRaises((EOFError, ConnectionResetError)):  # Nothing before the end of the connection.
            answer = publisher.next(wire.PUBREC, wire.PUBACK, wire.PUBCOMP, seconds=EXIT_SECONDS_MAX)
            self.fail(f"the first answered {answer}: {self.first.log()}")
        self.assert_first_has_ended(second)
        self.assertEqual(self.redis.send("HGET", "{roost}:info", "batch"), batch, "only the owner writes")
        for identifier, text in list(sent.items())[5:]:
            self.send_again(again, identifier, text)

        expected = published + ["recorded", *sent.values()]
        self.assert_receives(self.peer(second, "sleeper"), expected)
        # What reached it through the first and was not acknowledged in time may not come as new.
        seen = [bytes(each.payload).decode() for each in online.waiting if each.kind == wire.PUBLISH]
        returned, missing = self.peer(second, "online"), [text for text in expected if text not in published + seen]
        rest = []
        while not set(missing) <= set(rest) and (more := returned.payloads(1)):
            rest += more
        self.assertTrue(returned.is_silent())
        self.assertEqual(published + seen + [text for text in rest if text not in seen], expected)
        self.assertEqual(second.terminate(), 0)
        self.assert_sound()

    def assert_receives(self, peer, expected):
        """This and nothing else."""
        self.assertEqual(peer.payloads(len(expected)), expected)
        self.assertTrue(peer.is_silent())

    def send_again(self, peer, identifier, text):
        peer.send(wire.publish(5, "q/a", text.encode(), 2, identifier, dup=True))
        self.assertEqual(peer.next(wire.PUBREC).id, identifier)
        peer.send(wire.acknowledge(wire.PUBREL, identifier))
        self.assertEqual(peer.next(wire.PUBCOMP).id, identifier)

    def test_an_owner_that_was_only_paused_acknowledges_nothing_that_it_does_not_know_the_receivers_of(self):
        """What has no stored receiver in the first broker, or is read there at once, may have some in the second."""
        reader = Paho(self.first.port, "reader", expiry=1000)
        self.addCleanup(reader.client.loop_stop)
        reader.subscribe("read/#", 1)
        publishers = [self.peer(self.first, f"publisher {number}", clean=True) for number in range(20)]
        second = self.stand_by()

        self.first.pause()
        for number, publisher in enumerate(publishers):
            topic = "read/a" if number % 3 == 0 else "unknown/a"
            publisher.send(wire.publish(5, topic, b"late", 1 + number % 2, 1))
        self.until_it_serves(second)
        self.leave_session(second, "late", "#")

        self.first.resume()
        for publisher in publishers:
            with self.assertRaises((EOFError, ConnectionResetError)):  # Nothing before the end of the connection.
                answer = publisher.next(wire.PUBREC, wire.PUBACK, seconds=EXIT_SECONDS_MAX)
                self.fail(f"the first answered {answer}: {self.first.log()}")
        self.assert_first_has_ended(second)
        self.assertEqual(self.peer(second, "publisher 1").publish("unknown/a", "in time", 1), 0)
        self.assert_receives(self.peer(second, "late"), ["in time"])

    def test_while_redis_is_away_nothing_is_acknowledged_once_the_lease_is_over(self):
        publisher = self.peer(self.first, "publisher", clean=True)
        reader = self.peer(self.first, "volatile", clean=True)
        reader.subscribe("v/#", 1)
        self.assertEqual(publisher.publish("v/a", "before", 1), 0)
        self.redis.pause()
        time.sleep(LEASE_SECONDS)  # No renewal is answered meanwhile: after this the lease is over.
        self.assertIsNone(publisher.publish("v/a", "during", 1, seconds=1))
        self.assertEqual(reader.payloads(2), ["before", "during"])
        self.redis.resume()
        self.assertEqual(publisher.next(wire.PUBACK).reason, 0)
        self.assertEqual(publisher.publish("v/a", "after", 1), 0)
        self.assertEqual(reader.payloads(1), ["after"])
        self.assertEqual(self.first.terminate(), 0)

    def test_an_owner_without_anything_to_do_notices_that_it_is_none(self):
        second = self.stand_by()
        self.first.pause()
        self.until_it_serves(second)
        self.first.resume()
        self.assert_first_has_ended(second)

    def test_an_owner_that_was_killed_is_followed_at_once(self):
        self.first_has_a_lease_that_nobody_outwaits()
        second = self.stand_by()
        self.first.kill()
        self.until_it_serves(second)
        self.assertEqual(self.peer(second, "sleeper").connack.present, 1)

    def test_who_stands_by_waits_for_a_redis_that_goes_away(self):
        self.first_has_a_lease_that_nobody_outwaits()
        second = self.stand_by()
        self.redis.kill()
        self.redis.start()
        self.assertIsNone(second.process.poll(), second.log())
        self.first.kill()
        self.until_it_serves(second)

    def test_an_owner_that_ends_in_good_order_is_followed_at_once(self):
        self.first_has_a_lease_that_nobody_outwaits()
        second = self.stand_by()
        self.assertEqual(self.first.terminate(), 0)
        self.until_it_serves(second)

    def test_who_stands_by_ends_when_told_to(self):
        second = self.stand_by()
        self.assertEqual(second.terminate(), 0)
        self.assertEqual(second.log().count("standing by"), 1, "it says so once")
        self.assertEqual(self.peer(self.first, "sleeper").connack.present, 1)

    def test_who_does_not_want_to_wait_is_told_who_has_it(self):
        second = self.broker("?standby=0", start=False)
        second.spawn()
        self.assertEqual(second.process.wait(EXIT_SECONDS_MAX), 1)
        self.assertIn(f"roost: {self.redis.address} is in use by another Roost (", second.log())
        self.assertIn(f"process {self.first.pid})", second.log())


if __name__ == "__main__":
    unittest.main()
