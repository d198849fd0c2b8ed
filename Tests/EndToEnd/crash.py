#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The crash test: kill -9 at random moments, and nothing that was acknowledged is lost or comes twice.

  crash.py                                   30 rounds on SQLite, seeds from the clock
  crash.py --rounds 1 --seed 4711            repeats a round
  crash.py --store redis-both --minutes 60   as many rounds as fit
  crash.py --store sqlite:30,lmdb:8          rounds of each store; all is every store in turn

With redis the broker is killed, with redis-server its Redis, with redis-both both of them; with redis-owner a second
broker stands by and takes over from one that is killed or paused.

A round has real processes and a real clock, so a seed fixes what the clients do and when the broker is killed, but not
every interleaving: --repeat 20 tries one seed twenty times.
"""
import argparse
import asyncio
import concurrent.futures
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback

from crash_store import KINDS
from crash_world import World

ROUND_SECONDS_MAX = 120


def play(kind, seed, crashes, flags, failures):
    """One round; gives back (kind, seed, violations, summary, seconds)."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    start, world = time.monotonic(), World(seed, flags, kind)
    try:
        try:
            violations = asyncio.run(asyncio.wait_for(world.round(crashes), ROUND_SECONDS_MAX))
        except (Exception, asyncio.TimeoutError) as error:  # A round that breaks off has failed.
            violations = [("broken off", f"{type(error).__name__} {error}".strip())]
            traceback.print_exc()
        if violations:
            keep(world, failures)
        return kind, seed, violations, summary(world), time.monotonic() - start
    finally:
        world.close()


def summary(world):
    kinds = ("kill", "storedown", "publish", "ack", "receive", "connect", "subscribe")
    count = {kind: len(world.ledger.of(kind)) for kind in kinds}
    return ", ".join(f"{number} {kind}" for kind, number in count.items())


def keep(world, failures):
    place = os.path.join(failures, f"{world.kind}-{world.seed}")
    shutil.rmtree(place, ignore_errors=True)
    if world.broker.runs():
        world.broker.kill()
    shutil.copytree(world.broker.data, place, ignore=shutil.ignore_patterns("socket"))
    world.ledger.save(os.path.join(place, "ledger.jsonl"))
    print(f"  ledger, data and log of the broker are in {place}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=stores, default="sqlite", metavar="NAME[:ROUNDS],...",
                        help=f"{', '.join(KINDS)}, or all")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=30, help="of each store that does not say how many")
    parser.add_argument("--minutes", type=float, help="play until that much time has passed")
    parser.add_argument("--seed", type=int, help="of the first round; the next ones count on from it")
    parser.add_argument("--repeat", type=int, default=1, help="play each seed so often")
    parser.add_argument("--jobs", type=int, default=2, help="rounds that are played at once")
    parser.add_argument("--crashes", type=int, default=2, help="times under load per round; more follow at start-up")
    parser.add_argument("--flags", default="", help="more flags for roost serve")
    parser.add_argument("--failures", default=os.path.join(tempfile.gettempdir(), "roost-crash"), metavar="DIR")
    return parser.parse_args()


def stores(text):
    """Pairs of a store and a number of rounds, which may be None."""
    found = []
    for item in text.split(","):
        name, _, count = item.partition(":")
        names = KINDS if name == "all" else (name,)
        if not set(names) <= set(KINDS) or count and not count.isdigit():
            raise argparse.ArgumentTypeError(f"{item} is none of {', '.join(KINDS)}, all")
        found += [(each, int(count) if count else None) for each in names]
    return found


def rounds(options, first, began):
    """Pairs of store and seed, the stores in turn: as many as are asked for, or as fit in the time."""
    for turn in itertools.count():
        due = [
            name for name, count in options.store
            if options.minutes or turn < (options.rounds if count is None else count)
        ]  # fmt: skip
        if not due:
            return
        for name in due:
            for _ in range(options.repeat):
                if options.minutes and time.monotonic() - began >= options.minutes * 60:
                    return
                yield name, first + turn


def main():
    options = parse()
    first = options.seed if options.seed is not None else int(time.time()) % 1_000_000_000
    began, ended, running = time.monotonic(), [], set()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for kind, seed in rounds(options, first, began):
            running.add(pool.submit(play, kind, seed, options.crashes, options.flags.split(), options.failures))
            if len(running) >= options.jobs:
                done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                ended += tell(done)
        ended += tell(concurrent.futures.wait(running).done)
    failed = [(kind, seed) for kind, seed, violations, *_ in ended if violations]
    for kind, seed in dict.fromkeys(failed):
        print(f"replay: python3 Tests/EndToEnd/crash.py --store {kind}:1 --seed {seed}")
    sum_up(ended)
    print(f"{len(ended) - len(failed)} rounds held, {len(failed)} did not, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def sum_up(ended):
    """A line for each store: how many rounds held, and how long one took."""
    for kind in dict.fromkeys(kind for kind, *_ in ended):
        mine = [each for each in ended if each[0] == kind]
        held, seconds = sum(not each[2] for each in mine), sum(each[4] for each in mine)
        print(f"{kind}: {held} of {len(mine)} held, {seconds / len(mine):.1f} s each")


def tell(futures):
    """Prints how rounds ended, and gives back what is known of them."""
    results = [future.result() for future in futures]
    for kind, seed, violations, text, seconds in results:
        print(f"round {kind} seed {seed}: {'FAILED' if violations else 'held'} in {seconds:.1f} s: {text}")
        report(violations)
    return results


def report(violations, most=10):
    rules = {}
    for rule, sentence in violations:
        rules.setdefault(rule, []).append(sentence)
    for rule, sentences in rules.items():
        for sentence in sentences[:most]:
            print(f"  {rule}: {sentence}")
        if len(sentences) > most:
            print(f"  {rule}: and {len(sentences) - most} more")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
