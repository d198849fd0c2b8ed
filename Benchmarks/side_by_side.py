#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Runs the table of bounds: Roost beside mosquitto in turn, each row with the store that its bound names.

Called by Benchmarks/side-by-side, which installs and builds. Every ratio is made within one round, so that both
have met the same machine; a bound holds when it holds in two rounds of three.
"""
import argparse
import datetime
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- side-by-side: begin -->", "<!-- side-by-side: end -->"
SECONDLESS = ("connect",)


class Row:
    """One scenario, its stores (the first one is what the bound is about), and what must hold."""

    def __init__(self, scenario, bound, stores=("memory",), phase=None, checks=(), note=""):
        self.scenario, self.bound, self.stores, self.phase = scenario, bound, stores, phase
        self.checks, self.note = checks, note

    def command(self, seconds):
        timed = self.scenario.split()[0] not in SECONDLESS
        return f"{self.scenario} --seconds {seconds}" if timed else self.scenario


# Checks beside the bound: name, function of one round's runs by broker name that gives a value, limit, direction.
def cpu_of(name):
    return lambda runs, row: cpu(runs[name], row) / cpu(runs["memory"], row)


P99 = ("p99 of mosquitto's", lambda runs, row: runs[row.stores[0]]["latency_us"]["p99"]
       / runs["mosquitto"]["latency_us"]["p99"], 1.0, "at most")
SQLITE_NEAR = ("CPU on sqlite, of memory's", cpu_of("sqlite"), 1.1, "at most")
IDLE = ("bytes per idle connection", lambda runs, row: runs["memory"]["broker"]["bytes_per_connection"], 6144,
        "at most")
# These two depend on the disk as much as on Roost: Benchmarks/bounds judges them beside a bare loop over SQLite.
RATE = ("acknowledged per second", lambda runs, row: phase_of(runs["sqlite"], "publish")["in_per_s"], None, "")
ACK = ("ack p99 in ms", lambda runs, row: runs["sqlite"]["ack_latency_us"]["p99"] / 1000, None, "")
HALF = ("rate on sqlite, of memory's", lambda runs, row: runs["sqlite"]["headline"]["value"]
        / runs["memory"]["headline"]["value"], 0.5, "at least")

# 20,000 connections, or what the hard limit on open files leaves room for.
MANY = min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200)

ROWS = [
    Row("pairs", 0.10),
    Row("pairs --qos 1", 0.12, ("memory", "sqlite"), checks=(SQLITE_NEAR,)),
    Row("pairs --qos 2", 0.15),
    Row("fanout", 0.12),
    Row("fanin --qos 1", 0.15),
    Row("pairs --qos 1 --burst 1 --window 1", 0.9),
    Row("mix", 0.9, checks=(P99,)),
    Row("wild", 0.12, phase="publish"),
    Row("connect --clients 5000", 1.0, phase="connect", checks=(IDLE,)),
    Row(f"connect --clients {MANY}", None, phase="connect", checks=(IDLE,)),
    Row("durable", 0.35, ("sqlite", "memory"), checks=(HALF,)),
    Row("durable --detached", 0.8, ("sqlite",)),
    Row("durable --detached --clients 64", None, ("sqlite",), checks=(RATE, ACK)),
]


def phase_of(run, name):
    return next(p for p in run["phases"] if p["name"] == name)


def cpu(run, row):
    return phase_of(run, row.phase)["cpu_us_per_msg"] if row.phase else run["broker"]["cpu_us_per_msg"]


def measure(row, args):
    """The runs of every broker, a list in order of rounds, from mqttload/compare."""
    serve = f"{args.roost} serve --listen 127.0.0.1:{{port}} --log-level warning --store "
    stores = {"memory": "memory:", "sqlite": "sqlite:{dir}/roost.db"}
    brokers = [f"mosquitto={HERE}/mosquitto-volatile {{port}} {{dir}}"]
    brokers += [f"{name}={serve}{stores[name]}" for name in row.stores]
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [f"{HERE}/mqttload/compare", "--scenario", row.command(args.seconds), "--rounds",
                   str(args.rounds), "--json", file.name, *args.rest, "--", *brokers]
        subprocess.run(command, check=False)
        return json.load(open(file.name))["results"][0]["runs"]


def verdict(values, limit, direction):
    """Holds if it holds in two rounds of three."""
    good = sum(v <= limit if direction == "at most" else v >= limit for v in values)
    return "holds" if values and good * 3 >= len(values) * 2 else "missed"


def shorten(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def judge(row, runs):
    """The table's line of a row, and whether all of it holds."""
    rounds = [dict(zip(runs, turn)) for turn in zip(*runs.values())]
    own = row.stores[0]
    ratios = [cpu(turn[own], row) / cpu(turn["mosquitto"], row) for turn in rounds]
    verdicts, notes = [], []
    if row.bound is not None:
        verdicts.append(verdict(ratios, row.bound, "at most"))
    for name, value, limit, direction in row.checks:
        values = [value(turn, row) for turn in rounds]
        if limit is None:
            notes.append(f"{name}: {shorten(statistics.median(values))}")
            continue
        verdicts.append(verdict(values, limit, direction))
        notes.append(f"{name}: {shorten(statistics.median(values))} ({direction} {limit:,}: {verdicts[-1]})")
    lost = sum(run["lost"] + run["duplicated"] for runs_of in list(runs.values())[1:] for run in runs_of)
    failed = sum(not run["ok"] for runs_of in list(runs.values())[1:] for run in runs_of)
    if lost or failed:
        notes.append(f"{failed} runs FAILED, {lost} messages lost or doubled")
    if not rounds or failed:
        verdicts.append("missed")
    all_hold = "missed" not in verdicts
    middle = statistics.median(ratios) if ratios else float("nan")
    base, mine = ([cpu(run, row) for run in runs[name]] or [float("nan")] for name in ("mosquitto", own))
    cells = [f"`{row.scenario}`" + (f", {row.phase} phase" if row.phase else ""), own,
             f"{statistics.median(base):.2f}", f"{statistics.median(mine):.2f}", f"{middle:.2f}",
             " ".join(f"{r:.2f}" for r in ratios), "" if row.bound is None else f"{row.bound:.2f}",
             ("holds" if all_hold else "missed") if verdicts else "", "; ".join(notes)]
    return "| " + " | ".join(cells) + " |", all_hold


HEAD = """| scenario | store | mosquitto, µs | Roost, µs | ratio | in each round | at most | verdict | also |
|---|---|---|---|---|---|---|---|---|"""


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    system = next(line.split("=")[1].strip().strip('"') for line in open("/etc/os-release")
                  if line.startswith("PRETTY_NAME"))
    shown = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False,
                           env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}).stdout
    found = re.search(r"version (\S+)", shown)
    return (f"{os.cpu_count()} cores ({model}), {system}, Linux {platform.release().split('-')[0]}, "
            f"mosquitto {found.group(1) if found else '?'}")


def write_readme(lines, args):
    path = os.path.join(HERE, "README.md")
    text = open(path).read()
    if BEGIN not in text:
        sys.exit(f"{path} has no line {BEGIN}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    note = (f"{datetime.date.today()}, {machine()}; {args.rounds} rounds of {args.seconds} s, made with\n\n"
            f"    Benchmarks/side-by-side --rounds {args.rounds} --seconds {args.seconds}\n")
    with open(path, "w") as file:
        file.write("\n".join([before + BEGIN, "", note, HEAD, *lines, "", END]) + after)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/side-by-side", description=__doc__.split("\n")[0])
    parser.add_argument("--roost", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="how long each run publishes")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the rows whose scenario begins with it")
    parser.add_argument("--no-readme", action="store_true", help="leave Benchmarks/README.md as it is")
    parser.add_argument("--json", metavar="FILE", help="write all runs to FILE")
    args, args.rest = parser.parse_known_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines, everything, good = [], {}, True
    for row in ROWS:
        if not row.scenario.startswith(args.only):
            continue
        everything[row.scenario] = runs = measure(row, args)
        line, holds = judge(row, runs)
        lines.append(line)
        good = good and holds
    print("\n" + "\n".join([HEAD, *lines]))
    if args.json:
        json.dump(everything, open(args.json, "w"), indent=1)
    if not args.no_readme and not args.only:
        write_readme(lines, args)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
