#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The crash test: kill -9 at random moments, and nothing that was acknowledged is lost or comes twice.

  crash.py                         30 rounds, seeds from the clock
  crash.py --rounds 1 --seed 4711  repeats a round
  crash.py --minutes 60            as many rounds as fit

A round has real processes and a real clock, so a seed fixes what the clients do and when the broker is killed, but not
every interleaving: --repeat 20 tries one seed twenty times.
"""
import argparse
import asyncio
import concurrent.futures
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback

from crash_world import World

ROUND_SECONDS_MAX = 120


def play(seed, crashes, flags, failures):
    """One round; gives back (seed, violations, summary, seconds)."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    start, world = time.monotonic(), World(seed, flags)
    try:
        try:
            violations = asyncio.run(asyncio.wait_for(world.round(crashes), ROUND_SECONDS_MAX))
        except (Exception, asyncio.TimeoutError) as error:  # A round that breaks off has failed.
            violations = [("broken off", f"{type(error).__name__} {error}".strip())]
            traceback.print_exc()
        if violations:
            keep(world, failures)
        return seed, violations, summary(world), time.monotonic() - start
    finally:
        world.close()


def summary(world):
    count = {kind: len(world.ledger.of(kind)) for kind in ("kill", "publish", "ack", "receive", "connect", "subscribe")}
    return ", ".join(f"{number} {kind}" for kind, number in count.items())


def keep(world, failures):
    place = os.path.join(failures, f"seed-{world.seed}")
    shutil.rmtree(place, ignore_errors=True)
    if world.broker.process and world.broker.process.poll() is None:
        world.broker.kill()
    shutil.copytree(world.broker.data, place)
    world.ledger.save(os.path.join(place, "ledger.jsonl"))
    print(f"  ledger, data and log of the broker are in {place}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--minutes", type=float, help="play until that much time has passed")
    parser.add_argument("--seed", type=int, help="of the first round; the next ones count on from it")
    parser.add_argument("--repeat", type=int, default=1, help="play each seed so often")
    parser.add_argument("--jobs", type=int, default=2, help="rounds that are played at once")
    parser.add_argument("--crashes", type=int, default=2, help="times under load per round; more follow at start-up")
    parser.add_argument("--flags", default="", help="more flags for roost serve")
    parser.add_argument("--failures", default=os.path.join(tempfile.gettempdir(), "roost-crash"), metavar="DIR")
    return parser.parse_args()


def seeds(options, first, began):
    """As many as are asked for, or as fit in the time."""
    seed = first
    while time.monotonic() - began < options.minutes * 60 if options.minutes else seed < first + options.rounds:
        for _ in range(options.repeat):
            yield seed
        seed += 1


def main():
    options = parse()
    first = options.seed if options.seed is not None else int(time.time()) % 1_000_000_000
    began, held, failed, running = time.monotonic(), 0, [], set()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for seed in seeds(options, first, began):
            arguments = (seed, options.crashes, options.flags.split(), options.failures)
            running.add(pool.submit(play, *arguments))
            if len(running) >= options.jobs:
                done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                held += tell(done, failed)
        held += tell(running, failed)
    for each in dict.fromkeys(failed):
        print(f"replay: python3 Tests/EndToEnd/crash.py --rounds 1 --seed {each}")
    print(f"{held} rounds held, {len(failed)} did not, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def tell(futures, failed):
    """Prints how rounds ended; gives back how many held."""
    held = 0
    for future in futures:
        seed, violations, text, seconds = future.result()
        print(f"round seed {seed}: {'FAILED' if violations else 'held'} in {seconds:.1f} s: {text}")
        report(violations)
        held += not violations
        if violations:
            failed.append(seed)
    return held


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
