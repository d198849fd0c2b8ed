# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""One round of the crash test: a broker, its clients, and the crashes between them, all from one seed."""
import asyncio
import os
import random
import re

from broker import Broker
from crash_actors import PROMPT, Acknowledging, Publisher, Retainer, Subscriber, Viewer
from crash_checker import Checker
from crash_enders import CleanStarter, Echo, Expirer, Leaver, Willer
from crash_faults import Faults
from crash_ledger import Ledger
from crash_store import FileStore, RedisStore

TOPICS = [f"t/{number}/{letter}" for number in range(3) for letter in "abc"]
CONSTANTS = 40  # Retained messages that are set once.
STAGE_SECONDS_MAX = 20
QUIET_SECONDS = 0.3
LATE_SECONDS = 5


class World(Faults):
    def __init__(self, seed, flags=(), kind="sqlite"):
        self.seed, self.kind, self.rng = seed, kind, random.Random(seed)
        self.ledger = Ledger()
        self.broker = Broker("--event-loops", str(self.rng.choice((1, 2, 2, 3))), *flags)
        is_redis = kind.startswith("redis")
        self.store = RedisStore(kind, self.broker, self.rng) if is_redis else FileStore(kind, self.broker)
        self.broker.store, self.redis = self.store.address, self.store.redis
        self.spare = self.broker.beside() if kind == "redis-owner" else None
        self.broker_is_up, self.redis_is_up, self.store_commits = False, False, True
        self.producing, self.kills, self.redis_kills, self.probes = True, 0, 0, 0
        self.last_start = 0.0
        self.publishers, self.subscribers, self.enders, self.expirers, self.willers = [], [], [], [], []
        self.lives = []  # Coroutines to run from the start, each until nothing is produced any more.
        self.tasks = []
        self.snapshots = 0
        self.playing, self.death = None, ""

    @property
    def port(self):
        return self.broker.port

    def rng_for(self, name):
        return random.Random(f"{self.seed} {name}")

    # ----------------------------------------------------------------------- clients

    def clients(self):
        return self.publishers + self.subscribers

    def add_publishers(self):
        for version in (4, 5):
            for name, qos, delay in (("one", (1,), 0), ("two", (2,), 0.05), ("both", (1, 2), 0.0)):
                publisher = Publisher(self, f"{name}{version}", version, qos, TOPICS)
                publisher.release_delay_max = delay
                self.publishers.append(publisher)
        self.publishers.append(Retainer(self, "ret4", 4, (1, 2), [f"r/4/{i}" for i in range(6)]))
        self.publishers.append(Retainer(self, "ret5", 5, (2, 1), [f"r/5/{i}" for i in range(6)]))
        self.publishers.append(Publisher(self, "other", 5, (1, 2), ["n/a", "n/b"]))
        self.lives += [each.produce() for each in self.publishers]

    def subscriber(self, name, version, *requests, style=None, life=None, receive_maximum=None):
        """`requests` are the arguments of `Client.subscribe`."""
        client = Subscriber(self, name, version, style or PROMPT, receive_maximum=receive_maximum)
        client.requests = requests
        self.subscribers.append(client)
        if life:
            self.lives.append(life(client))
        return client

    def add_subscribers(self):
        add = self.subscriber
        late = Acknowledging(first=(0.05, 0.4), release=(0.05, 0.2))
        add("online5", 5, ("t/#", 2, 1))
        add("online4", 4, ("t/+/a", 1), ("t/1/#", 2), ("t/#", 1))
        add("overlap5", 5, ("t/#", 1, 1), ("t/1/+", 2, 2), ("t/+/b", 2, 3))
        slow = Acknowledging(first=(0.0, 0.03), release=(0.0, 0.02))
        add("slow5", 5, ("t/#", 2, 1), style=slow, receive_maximum=3, life=Subscriber.read_slowly)
        add("slow4", 4, ("t/#", 1), style=slow, life=Subscriber.read_slowly)
        add("absent5", 5, ("t/#", 2, 1), life=Subscriber.be_absent)
        add("absent4", 4, ("t/#", 1), life=Subscriber.be_absent)
        add("late5", 5, ("t/#", 2, 1), style=late, receive_maximum=15)
        add("late4", 4, ("t/#", 1), style=late, life=Subscriber.come_and_go)
        add("flap5", 5, ("t/#", 2, 1), life=Subscriber.come_and_go)
        add("flap4", 4, ("t/#", 2), life=Subscriber.come_and_go)
        add("stoprec5", 5, ("t/#", 2, 1), style=Acknowledging(first=None), receive_maximum=8)
        add("stoprel5", 5, ("t/#", 2, 1), style=Acknowledging(release=None), receive_maximum=8)
        add("stoprel4", 4, ("t/#", 2), style=Acknowledging(release=None), life=Subscriber.come_and_go)
        add("churn5", 5, life=lambda each: each.churn(["t/0/#", "t/+/b", "t/2/c"]))
        add("churn4", 4, life=lambda each: each.churn(["t/0/#", "t/+/b", "t/2/c"]))
        add("churnflap5", 5, life=lambda each: each.churn(["t/1/#", "t/+/c"]))
        self.lives.append(self.subscribers[-1].come_and_go())
        add("keepflag5", 5, ("r/#", 2, 1, "rh"))
        add("noflag5", 5, ("r/#", 1, 1, "h"))
        add("latecomer5", 5, life=self.subscribe_late)
        add("latecomer4", 4, life=self.subscribe_late)
        add("wills5", 5, ("w/#", 2, 1))
        add("wills4", 4, ("w/#", 2))
        add("hears5", 5, ("n/#", 2, 1))

    def add_groups(self):
        late = Acknowledging(first=(0.0, 0.2), release=(0.0, 0.1))
        self.subscriber("share-a1", 5, ("$share/a/t/#", 2, 7))
        self.subscriber("share-a2", 5, ("$share/a/t/#", 2, 7), ("t/0/#", 2, 1), life=Subscriber.come_and_go)
        self.subscriber("share-a3", 5, ("$share/a/t/#", 2, 7), style=late, receive_maximum=5)
        self.subscriber("share-b1", 5, ("$share/b/t/#", 2, 8))
        self.subscriber("share-b2", 5, ("$share/b/t/#", 1, 8), life=Subscriber.come_and_go)
        self.subscriber("share-c1", 5, ("$share/c/t/1/#", 2, 9), life=Subscriber.be_absent)

    def add_enders(self):
        def add(kind, name, version, text, **options):
            ender = kind(self, name, version, **options)
            self.enders.append(ender)
            self.lives.append(ender.live(text))
            return ender

        add(CleanStarter, "clean4", 4, "t/0/#")
        add(CleanStarter, "clean5", 5, "t/+/a")
        add(CleanStarter, "share-b3", 5, "$share/b/t/#")
        add(Leaver, "leaver5", 5, "t/1/#")
        if self.rng.random() < 0.4:
            self.expirers.append(add(Expirer, "expirer5", 5, "t/2/#", expiry=1))
            self.enders.remove(self.expirers[-1])
        for version in (4, 5):
            self.willers.append(Willer(self, f"willer{version}", version))
            self.lives.append(self.willers[-1].live())
        echo = Echo(self, "echo5", ["n/a", "n/b"])
        echo.requests = [("n/#", 2, 1, "l")]
        self.subscribers.append(echo)
        self.lives.append(echo.produce())

    async def subscribe_late(self, client):
        await asyncio.sleep(client.rng.uniform(0.1, 1.5))
        await client.subscribe("k/#", client.rng.choice((1, 2)), 1)

    async def set_up(self):
        """Everybody is connected and subscribed before the first crash."""
        self.add_publishers()
        self.add_subscribers()
        self.add_groups()
        self.add_enders()
        constant = Retainer(self, "constant", 5, (1,), [f"k/{i}" for i in range(CONSTANTS)])
        constant.window = 100
        for client in [*self.clients(), constant]:
            self.run(client.stay_connected())
            if isinstance(client, Subscriber):
                self.run(client.send_held())
        for client in [*self.clients(), constant]:
            await asyncio.wait_for(client.connected.wait(), STAGE_SECONDS_MAX)
            for request in getattr(client, "requests", ()):
                await asyncio.wait_for(client.subscribe(*request), STAGE_SECONDS_MAX)
        while constant.topics:
            constant.topics, later = constant.topics[:15], constant.topics[15:]
            constant.publish_each_once()
            await self.until(constant.is_idle, "the constant retained messages")
            constant.topics = later
        self.publishers.append(constant)

    def run(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.append(task)
        return task

    async def until(self, condition, what):
        loop = asyncio.get_running_loop()
        end = loop.time() + STAGE_SECONDS_MAX
        while not condition():
            if loop.time() > end:
                raise TimeoutError(f"waited {STAGE_SECONDS_MAX} s for {what}")
            await asyncio.sleep(0.01)

    # ------------------------------------------------------------------------- round

    async def round(self, crashes):
        """Gives back the violations."""
        if self.redis:
            await self.start_redis()
        await self.start()
        if self.spare:
            self.spare.spawn()
        self.playing = asyncio.ensure_future(self.play(crashes))
        watching = asyncio.ensure_future(self.watch())
        try:
            await self.playing
        except asyncio.CancelledError:
            if not self.death:
                raise
            return [("died", self.death)]
        finally:
            self.playing.cancel()
            watching.cancel()
        return Checker(self.ledger).check()

    async def play(self, crashes):
        await self.set_up()
        lives = [self.run(life) for life in self.lives]
        for _ in range(crashes):
            await self.crash()
        await asyncio.sleep(0.3)
        self.producing = False
        _, late = await asyncio.wait(lives, timeout=STAGE_SECONDS_MAX)
        for task in lives:
            if task in late:
                raise TimeoutError(f"a client did not come to its end: {task}")
            task.result()
        for ender in self.enders:
            self.run(ender.stay_connected())
            self.run(ender.send_held())
        await self.drain()
        await self.snapshot()
        await self.crash_at_rest()
        await self.drain()
        await self.snapshot()
        await self.stop_and_look_again()

    async def drain(self):
        everybody = self.clients() + self.enders

        def is_done():
            everybody_is_there = all(each.connected.is_set() for each in everybody)
            return everybody_is_there and all(each.is_idle() for each in self.publishers)

        try:
            await self.until(is_done, "publishers to finish")
        except TimeoutError as error:
            lost = [each.name for each in everybody if not each.connected.is_set()]
            busy = {each.name: list(each.inflight.values())[:3] for each in self.publishers if each.inflight}
            self.ledger.add("broken", "everybody", f"{error}: not connected {lost}, not acknowledged {busy}")
        await self.until_quiet(QUIET_SECONDS)
        if self.is_missing_something():
            await self.until_quiet(LATE_SECONDS)
        for expirer in self.expirers:
            await expirer.look()

    def is_missing_something(self):
        checker = Checker(self.ledger)
        checker.check_loss()
        checker.check_group_loss()
        return bool(checker.violations)

    async def until_quiet(self, seconds):
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + STAGE_SECONDS_MAX:
            last = max([began] + [each.last_receipt for each in self.subscribers + self.enders])
            if loop.time() - last > seconds:
                return
            await asyncio.sleep(0.02)

    async def snapshot(self):
        """A new client asks for all retained messages."""
        self.snapshots += 1
        viewer = Viewer(self, f"viewer{self.snapshots}", 5, expiry=0)
        await viewer.until_connected(clean=True)
        self.ledger.add("snapshot", self.snapshots)
        kills = self.kills
        await viewer.subscribe("r/#", 1)
        await viewer.subscribe("k/#", 1)
        end = asyncio.get_running_loop().time() + LATE_SECONDS
        while viewer.constants < CONSTANTS and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)
        await asyncio.sleep(QUIET_SECONDS)
        if kills == self.kills:
            self.ledger.add("kept", self.snapshots)
        viewer.drop()
        self.ledger.add("ended", viewer.session)

    async def stop_and_look_again(self):
        """After a shutdown in good order nothing is delivered again."""
        self.broker_is_up = False
        code = await asyncio.get_running_loop().run_in_executor(None, self.broker.terminate)
        if code:
            self.ledger.add("broken", "broker", f"SIGTERM gave exit code {code}: {self.broker.log()[-500:]}")
        self.ledger.add("settled")
        await asyncio.sleep(0.02)
        await self.start()
        await self.until(lambda: all(each.connected.is_set() for each in self.clients()), "everybody to come back")
        await self.until_quiet(QUIET_SECONDS)
        self.broker_is_up = False
        for task in self.tasks:
            task.cancel()
        self.broker.terminate()
        self.check_store()

    def check_store(self):
        """The data is sound, and was on the disk whenever the broker said so."""
        self.redis_is_up = False
        if os.environ.get("BROKER_COMMAND"):
            return
        for fault in self.store.faults():
            self.ledger.add("broken", "store", fault)
        logs = self.broker.log() + (self.spare.log() if self.spare else "")
        if set(re.findall(r"durability=(\w+)", logs)) != {"disk"}:
            self.ledger.add("broken", "store", "the broker does not say that its store syncs what it commits")

    def close(self):
        for task in self.tasks:
            task.cancel()
        self.store.close()
        for broker in sorted(filter(None, (self.spare, self.broker)), key=lambda each: each.owns_data):
            broker.close()
