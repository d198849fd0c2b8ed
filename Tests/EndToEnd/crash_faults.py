# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""How the broker of a crash test and its Redis are started and killed, and what a crash looks like."""
import asyncio

from broker import START_SECONDS_MAX
from crash_actors import Viewer


class Faults:
    """A part of `World`."""

    async def start(self):
        """Starts the broker and waits until it listens."""
        self.spawn()
        loop = asyncio.get_running_loop()
        end = loop.time() + START_SECONDS_MAX
        while not self.broker.listens():
            if self.broker.process.poll() is not None or loop.time() > end:
                raise RuntimeError(f"the broker did not start: {self.broker.log()[-2000:]}")
            await asyncio.sleep(0.005)
        self.last_start = loop.time()
        self.broker_is_up = self.store_commits = True

    def spawn(self):
        self.broker.spawn()
        self.ledger.add("start")

    async def kill(self):
        self.broker_is_up = False
        self.kills += 1
        self.ledger.add("kill")
        self.broker.kill()
        await asyncio.sleep(0.01)

    async def watch(self):
        """Notices that the broker or Redis has died by itself."""
        while not self.death:
            if self.broker_is_up and self.broker.process.poll() is not None:
                self.death = f"the broker died by itself: exit code {self.broker.process.returncode}"
            elif self.redis_is_up and not self.redis.runs() and not self.redis.spawn_again_if_cut():
                self.death = f"Redis died by itself: {self.redis.log()[-1000:]}"
            await asyncio.sleep(0.01)
        self.ledger.add("broken", "broker", self.death)
        self.playing.cancel()

    # -------------------------------------------------------------------------- redis

    async def start_redis(self):
        """Until it listens; it may still be loading its data."""
        self.spawn_redis()
        await self.until(lambda: not self.redis.spawn_again_if_cut() and self.redis.listens(), "Redis to listen")
        self.redis_is_up = True

    def spawn_redis(self):
        self.ledger.add("storeup")
        self.redis.spawn()

    async def kill_redis(self):
        self.redis_is_up = self.store_commits = False
        self.redis_kills += 1
        self.redis.kill()
        if self.rng.random() < 0.3 and self.redis.ends_with_a_transaction():
            self.redis.tear()  # A kill hardly ever comes within a write.
        self.ledger.add("storedown")
        await asyncio.sleep(0.01)

    async def disturb_redis(self):
        """Connections break between a batch and its answer, Redis stands still or rewrites its log; it lives on."""
        self.redis_kills += 1
        self.store_commits = False
        if self.rng.random() < 0.3:
            self.redis.send("BGREWRITEAOF")
        for _ in range(self.rng.choice((0, 0, 1, 4))):
            self.redis.send("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(self.rng.uniform(0.0, 0.1))
        if self.rng.random() < 0.3:
            self.redis.pause()
            await asyncio.sleep(self.rng.uniform(0.0, 0.3))
            if self.kind in ("redis", "redis-owner") or self.rng.random() < 0.5:  # Else it is killed as it stands.
                self.redis.resume()

    async def until_it_commits(self):
        """Until the broker, which has lived on, commits to a Redis that is back."""
        self.probes += 1
        probe = Viewer(self, f"probe{self.probes}", 5)
        await probe.until_connected()
        self.store_commits = True
        probe.drop()

    def calm(self):
        """The same at two times if what the broker was told between them must be durable soon after the second."""
        if not self.redis or self.kind == "redis-server":  # There the broker lives on and remembers.
            return self.kills
        return (self.kills, self.redis_kills) if self.store_commits else object()

    # ------------------------------------------------------------------------ crashes

    async def crash(self):
        """Dies under load, then perhaps while it starts, and perhaps while sessions resume."""
        await asyncio.sleep(self.rng.uniform(0.2, 0.9))
        if self.redis:
            await self.disturb_redis()
        kinds = {"redis-server": self.crash_redis, "redis-both": self.crash_both, "redis-owner": self.crash_owner}
        await kinds.get(self.kind, self.crash_broker)()

    async def crash_broker(self):
        await self.kill()
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            self.spawn()
            await asyncio.sleep(self.rng.uniform(0.0, 0.08))
            await self.kill()
        if self.rng.random() < 0.6:
            await self.start()
            await self.until_somebody_is_back()
            await self.kill()
        await self.start()

    async def until_somebody_is_back(self):
        await self.until(lambda: any(each.connected.is_set() for each in self.clients()), "a client to connect")
        await asyncio.sleep(self.rng.uniform(0.0, 0.15))

    async def crash_redis(self):
        """The broker lives on, and so do the connections."""
        await self.kill_redis()
        await asyncio.sleep(self.rng.uniform(0.0, 0.7))
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            self.spawn_redis()
            await asyncio.sleep(self.rng.uniform(0.0, 0.08))
            await self.kill_redis()
        if self.rng.random() < 0.6:
            await self.start_redis()
            await self.until_it_commits()
            await asyncio.sleep(self.rng.uniform(0.0, 0.15))
            await self.kill_redis()
        await self.start_redis()
        await self.until_it_commits()

    async def crash_both(self):
        """Redis dies some time after or before the broker, and perhaps is back later than that."""
        await self.kill_both(self.rng.choice((0, self.rng.uniform(0.0, 0.5))))
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            for spawn in self.rng.sample((self.spawn_redis, self.spawn), 2):
                spawn()
                await asyncio.sleep(self.rng.uniform(0.0, 0.08))
            await self.kill_both(0)
        if self.rng.random() < 0.3:
            await self.start_without_redis()
        await self.start_both()
        if self.rng.random() < 0.6:
            await self.until_somebody_is_back()
            await self.kill_both(self.rng.uniform(0.0, 0.05))
            await self.start_both()

    async def kill_both(self, pause):
        for kill in self.rng.sample((self.kill_redis, self.kill), 2):
            await kill()
            await asyncio.sleep(pause)

    async def start_both(self):
        await self.start_redis()
        await self.until(self.redis.is_ready, "Redis to have loaded its data")  # It may have to start twice.
        await self.start()

    async def start_without_redis(self):
        """A broker whose Redis is not there yet says so and ends; whoever looks after it starts it again."""
        before = len(self.broker.log())
        self.spawn()
        await self.until(lambda: self.broker.process.poll() is not None, "the broker to end without Redis")
        said = self.broker.log()[before:]
        if self.broker.process.returncode != 1 or "cannot be reached" not in said:
            self.ledger.add("broken", "broker", f"exit code {self.broker.process.returncode} without Redis: {said}")

    async def crash_owner(self):
        """The broker that stood by takes over from one that was killed or paused, which must find out and end."""
        paused, was_paused = self.broker, self.rng.random() < 0.6
        said = len(paused.log())
        self.broker_is_up = False
        if was_paused:
            self.kills += 1
            self.ledger.add("kill")
            paused.pause()
            await asyncio.sleep(self.rng.uniform(0.0, 0.3))  # What clients send meanwhile, it reads later.
        else:
            await self.kill()
        self.broker, self.spare = self.spare, paused
        self.kills += 1  # Connections to the paused one may have been opened meanwhile.
        await self.until(self.everybody_goes_to_the_other, "the second broker to take over")
        self.last_start = asyncio.get_running_loop().time()
        self.broker_is_up = self.store_commits = True
        if was_paused:
            await asyncio.sleep(self.rng.uniform(0.0, 0.4))
            paused.resume()
            await self.until(lambda: paused.process.poll() is not None, "the paused broker to end")
            if paused.process.returncode != 1 or "was taken over by another Roost" not in paused.log()[said:]:
                self.ledger.add("broken", "broker", f"{paused.process.returncode} after a pause: {paused.log()[said:]}")
        paused.spawn()

    def everybody_goes_to_the_other(self):
        for client in [*self.clients(), *self.enders, *self.expirers, *self.willers]:
            if client.link and client.link.kills < self.kills:
                client.drop()
        return self.broker.listens()

    async def crash_at_rest(self):
        if self.kind == "redis-owner":
            await self.crash_owner()
            self.spare.kill()
        elif self.kind == "redis-server":
            await self.kill_redis()
            await self.start_redis()
            await self.until_it_commits()
        elif self.kind == "redis-both":
            await self.kill_both(0)
            await self.start_both()
        else:
            await self.kill()
            await self.start()
