# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A broker on a real Redis that stands still, comes back with less, or promises less than was asked for."""
import os
import shutil
import signal
import time
import unittest

import mqttwire as wire
from broker import Broker, Port, run_to_the_end
from peer import Peer
from redis_server import CUT, SYNCED, RedisServer

EXIT_SECONDS_MAX = 15
COMMAND_SECONDS = 5  # How long the broker waits for an answer of Redis.
DRAIN_SECONDS = 10  # How long a shutdown waits for the store.


class OnRedis(unittest.TestCase):
    settings = SYNCED

    def setUp(self):
        self.redis = RedisServer(self.settings).start()
        self.addCleanup(self.redis.close)

    def broker(self, query="", flags=(), start=True):
        broker = Broker(*flags, store=self.redis.address + query)
        self.addCleanup(broker.close)
        return broker.start() if start else broker

    def peer(self, broker, name, clean=False, expiry=1000, **options):
        peer = Peer(broker.port, name, clean=clean, expiry=expiry, **options)
        self.addCleanup(peer.close)
        return peer

    def leave_session(self, broker, name="sleeper", text="q/#", qos=2):
        with Peer(broker.port, name, clean=False, expiry=1000) as peer:
            self.assertEqual(peer.subscribe(text, qos), qos)
            peer.send(wire.disconnect(5))
            peer.until_closed()

    def assert_sound(self):
        done = run_to_the_end("verify", self.redis.address)
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.redis.address} is sound.\n"), done.stderr)

    def assert_ends(self, broker, sentence):
        """With exit code 1 and exactly this sentence, on standard error and in the log."""
        self.assertEqual(broker.process.wait(EXIT_SECONDS_MAX), 1, broker.log())
        self.assertIn(f"\nroost: {sentence}\n", broker.log())
        self.assertIn(f" error {sentence}", broker.log())


class Paused(OnRedis):
    def publish(self, peer, numbers, qos):
        """Sends without waiting; gives back what was sent, by packet id."""
        sent = {}
        for number in numbers:
            identifier = peer.next_id()
            sent[identifier] = f"{qos}:{number}"
            peer.send(wire.publish(5, f"q/{qos}", sent[identifier].encode(), qos, identifier))
        return sent

    def complete(self, peer, sent, seconds=10):
        """Takes acknowledgements until everything sent has its last one."""
        end = time.monotonic() + seconds
        while sent and time.monotonic() < end:
            packet = peer.next(wire.PUBACK, wire.PUBREC, wire.PUBCOMP, seconds=end - time.monotonic())
            if packet and packet.kind == wire.PUBREC:
                self.assertLess(packet.reason, 0x80)
                peer.send(wire.acknowledge(wire.PUBREL, packet.id))
            elif packet:
                del sent[packet.id]
        self.assertEqual(sent, {})

    def test_redis_that_stands_still_under_load(self):
        """For a moment, and for longer than the broker waits for an answer."""
        broker = self.broker()
        self.leave_session(broker)
        online = self.peer(broker, "online")
        online.subscribe("q/#", 2)
        publisher = self.peer(broker, "publisher")
        count = 0
        for seconds in (0.3, COMMAND_SECONDS + 1.5):
            sent = {}
            for _ in range(4):
                sent |= self.publish(publisher, range(count, count + 2), 1)
                sent |= self.publish(publisher, range(count, count + 2), 2)
                count += 2
            self.redis.pause()
            late = self.publish(publisher, range(count, count + 2), 2)
            count += 2
            end = time.monotonic() + seconds
            while packet := publisher.next(wire.PUBACK, wire.PUBREC, seconds=max(0, end - time.monotonic())):
                self.assertNotIn(packet.id, late, "it is not durable")
                if packet.kind == wire.PUBREC:
                    publisher.send(wire.acknowledge(wire.PUBREL, packet.id))
                else:
                    del sent[packet.id]
            if seconds > COMMAND_SECONDS:
                broker.wait_until_log("the store does not commit")
            self.redis.resume()
            self.complete(publisher, sent | late, seconds=30)
        self.assertIn("the store does not commit", broker.log())
        broker.wait_until_log("the store commits again")  # which it says once it has nothing left to commit
        sleeper = self.peer(broker, "sleeper")
        for peer in (online, sleeper):
            received = peer.payloads(36)
            self.assertTrue(peer.is_silent())
            for qos, numbers in ((1, [n for n in range(20) if n not in (8, 9, 18, 19)]), (2, range(20))):
                mine = [text for text in received if text.startswith(f"{qos}:")]
                self.assertEqual(list(dict.fromkeys(mine)), [f"{qos}:{number}" for number in numbers])
                self.assertEqual(len(mine), len(set(mine)), mine)
        self.assertEqual(broker.terminate(), 0)
        self.assert_sound()


class Away(OnRedis):
    def test_a_shutdown_while_redis_is_away(self):
        """It ends in bounded time, says that something is missing, and nothing acknowledged is."""
        broker = self.broker()
        self.leave_session(broker)
        publisher = self.peer(broker, "publisher")
        self.assertEqual(publisher.publish("q/a", "before", 2), 0)
        self.redis.kill()
        publisher.send(wire.publish(5, "q/a", b"late", 2, 100))
        self.assertIsNone(publisher.next(wire.PUBREC, seconds=0.5))
        self.assertEqual(broker.terminate(), 1, broker.log())
        with self.assertRaises((EOFError, ConnectionResetError)):
            publisher.next(wire.PUBREC, seconds=1)
        self.assertIn("\nroost: Not everything that was received could be committed within ", broker.log())
        self.redis.start()
        broker.start()
        again = self.peer(broker, "publisher")
        again.send(wire.publish(5, "q/a", b"late", 2, 100, dup=True))
        self.assertEqual(again.next(wire.PUBREC).id, 100)
        again.send(wire.acknowledge(wire.PUBREL, 100))
        self.assertEqual(again.next(wire.PUBCOMP).id, 100)
        sleeper = self.peer(broker, "sleeper")
        self.assertEqual(sleeper.payloads(2), ["before", "late"])
        self.assertTrue(sleeper.is_silent())

    def test_a_second_signal_ends_a_shutdown_that_waits(self):
        broker = self.broker()
        self.leave_session(broker)
        publisher = self.peer(broker, "publisher")
        self.assertEqual(publisher.publish("q/a", "before", 2), 0)
        self.redis.kill()
        publisher.send(wire.publish(5, "q/a", b"late", 2, 100))
        broker.wait_until_log("the store does not commit")
        broker.process.send_signal(signal.SIGTERM)
        broker.wait_until_log("shutting down")
        broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(broker.process.wait(DRAIN_SECONDS / 2), 128 + signal.SIGTERM, broker.log())
        self.assertNotIn("ended", broker.log())


class Less(OnRedis):
    """Redis comes back without what was acknowledged: the broker ends, and leaves what is there as it is."""

    ADVICE = "restore its data, or start this broker again to go on with what is there."
    ENDED = "The broker has ended because it cannot go on with its store: "

    def setUp(self):
        super().setUp()
        self.running = self.broker()
        self.leave_session(self.running)
        self.publisher = self.peer(self.running, "publisher")
        for number in range(5):
            self.assertEqual(self.publisher.publish("q/a", str(number), 1 + number % 2), 0)

    def batch(self):
        return int(self.redis.send("HGET", "{roost}:info", "batch"))

    @property
    def data(self):
        return os.path.join(self.redis.directory, "appendonlydir")

    def assert_nothing_is_acknowledged(self):
        """The packets sent meanwhile get no answer but the end of the connection."""
        with self.assertRaises((EOFError, ConnectionResetError)):
            self.assertIsNone(self.publisher.next(wire.PUBACK, wire.PUBREC, wire.PUBCOMP, seconds=EXIT_SECONDS_MAX))

    def test_redis_that_has_come_back_empty(self):
        batch = self.batch()
        self.redis.kill()
        shutil.rmtree(self.data)
        self.publisher.send(wire.publish(5, "q/a", b"late", 1, 100))
        self.redis.start()
        self.assert_nothing_is_acknowledged()
        empty = f"{self.redis.address} has come back empty, after batch {batch}: {self.ADVICE}"
        self.assert_ends(self.running, self.ENDED + empty)
        self.assertEqual(self.redis.send("DBSIZE"), 0)
        self.running.start()  # On purpose, with what is there: nothing.
        self.assertEqual(self.peer(self.running, "sleeper").connack.present, 0)

    def test_redis_that_has_come_back_older(self):
        self.redis.kill()
        copy = self.data + ".old"
        shutil.copytree(self.data, copy)
        self.redis.start()
        older = self.batch()
        for number in range(5):
            self.assertEqual(self.publisher.publish("q/a", str(number), 2), 0)
        batch = self.batch()
        self.assertGreater(batch, older)
        self.redis.kill()
        shutil.rmtree(self.data)
        os.rename(copy, self.data)
        self.publisher.send(wire.publish(5, "q/a", b"late", 2, 100))
        self.redis.start()
        self.assert_nothing_is_acknowledged()
        came_back = f"{self.redis.address} has come back as of batch {older}, but {batch} was acknowledged"
        self.assert_ends(self.running, f"{self.ENDED}{came_back}: {self.ADVICE}")
        self.assertEqual(self.batch(), older)
        self.assert_sound()

    def test_an_idle_broker_notices_it_too(self):
        batch = self.batch()
        self.redis.kill()
        shutil.rmtree(self.data)
        self.redis.start()
        empty = f"{self.redis.address} has come back empty, after batch {batch}: {self.ADVICE}"
        self.assert_ends(self.running, self.ENDED + empty)


class Torn(OnRedis):
    """Redis was killed within the write of a transaction, and leaves the beginning of it in its file."""

    def setUp(self):
        super().setUp()
        self.running = self.broker()
        self.leave_session(self.running)

    def publish(self, *payloads):
        with Peer(self.running.port, "publisher") as publisher:
            for payload in payloads:
                self.assertEqual(publisher.publish("q/a", payload, 2), 0)

    def tear(self):
        """Redis is killed and comes back; the broker lives on."""
        self.redis.kill()
        self.redis.tear()
        self.redis.start()
        self.assertIn("Truncating the AOF", self.redis.log())

    def assert_complete(self, *payloads):
        self.running.restart()
        sleeper = self.peer(self.running, "sleeper")
        self.assertEqual(sleeper.payloads(len(payloads)), list(payloads))
        self.assertTrue(sleeper.is_silent())
        self.assertEqual(self.running.terminate(), 0)
        self.assert_sound()

    def until_rewritten(self):
        end = time.monotonic() + 10
        while "aof_last_rewrite_time_sec:-1" in self.redis.send("INFO", "persistence"):
            self.assertLess(time.monotonic(), end, self.redis.send("INFO", "persistence"))
            time.sleep(0.005)

    def test_what_is_written_next_is_all_there_is(self):
        self.publish("before")
        self.tear()
        self.publish("after")
        self.until_rewritten()
        self.redis.kill()
        self.redis.start()
        self.assert_complete("before", "after")

    def test_a_crash_before_the_file_is_rewritten(self):
        """It costs Redis one start."""
        self.publish("before")
        self.redis.settings = (*self.settings, "--rdb-key-save-delay", "2000000")
        self.tear()
        self.publish("after")
        self.assertIn("aof_rewrite_in_progress:1", self.redis.send("INFO", "persistence"))
        self.redis.kill()
        self.redis.start()
        self.assertEqual(self.redis.log().count(CUT), 1)
        self.assert_complete("before", "after")


class Promise(unittest.TestCase):
    """What Redis promises is in the log, and a warning if more was asked for."""

    WARNING = " warning what is acknowledged "

    def started(self, settings, *flags):
        with RedisServer(settings) as redis, Broker(*flags, store=redis.address) as broker:
            self.assertEqual(broker.terminate(), 0)
            return broker.log()

    def test_every_write_is_synced(self):
        log = self.started(SYNCED)
        self.assertIn(" restored durability=disk", log)
        self.assertNotIn(" warning ", log)

    def test_a_sync_every_second(self):
        settings = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
        log = self.started(settings)
        self.assertIn(" restored durability=process", log)
        self.assertEqual(log.count(self.WARNING + "may be lost with the power"), 1, log)
        self.assertIn("asked=disk durability=process", log)
        log = self.started(settings, "--durability", "process")
        self.assertIn(" restored durability=process", log)
        self.assertNotIn(" warning ", log)

    def test_a_file_that_may_not_be_rewritten(self):
        log = self.started((*SYNCED, "--rename-command", "BGREWRITEAOF", ""))
        self.assertIn("asked=disk durability=process", log)
        self.assertEqual(log.count("a user who may run CONFIG GET, INFO and BGREWRITEAOF"), 1, log)

    def test_nothing_on_the_disk(self):
        log = self.started(("--appendonly", "no", "--save", ""), "--durability", "process")
        self.assertIn(" restored durability=memory", log)
        self.assertEqual(log.count(self.WARNING + "is lost with the process that keeps it"), 1, log)
        self.assertIn("asked=process durability=memory", log)


class Cluster(OnRedis):
    def setUp(self):
        bus = Port()
        self.addCleanup(bus.close)
        self.settings = (*SYNCED, "--cluster-enabled", "yes", "--cluster-port", str(bus.number))
        super().setUp()

    def until_it_serves(self):
        end = time.monotonic() + 10
        while "cluster_state:ok" not in self.redis.send("CLUSTER", "INFO"):
            self.assertLess(time.monotonic(), end, self.redis.send("CLUSTER", "INFO"))
            time.sleep(0.02)

    def test_a_cluster_of_one_node(self):
        self.redis.send("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        self.until_it_serves()
        broker = self.broker()
        self.leave_session(broker)
        publisher = self.peer(broker, "publisher")
        for number in range(40):
            self.assertEqual(publisher.publish("q/a", str(number), 1 + number % 2, retain=number == 39), 0)
        broker.restart()
        broker.kill()
        self.redis.kill()
        self.redis.start()
        self.until_it_serves()
        broker.start()
        sleeper = self.peer(broker, "sleeper")
        self.assertEqual(sleeper.connack.present, 1)
        received = sleeper.payloads(40)
        for rest in (0, 1):
            mine = [text for text in received if int(text) % 2 == rest]
            self.assertEqual(mine, [str(number) for number in range(rest, 40, 2)])
        viewer = self.peer(broker, "viewer")
        viewer.subscribe("q/a", 1)
        self.assertEqual(viewer.payloads(1), ["39"])
        self.assertEqual(broker.terminate(), 0)
        self.assert_sound()


if __name__ == "__main__":
    unittest.main()
