# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The table of the four stores, in Markdown."""
import datetime
import os
import platform


def row(name, results, text):
    """One figure of all stores; what a store does not have is left out."""
    cells = []
    for result in results.values():
        try:
            cells.append(text(result))
        except (AttributeError, KeyError, TypeError):
            cells.append("–")
    return f"| {name} | {' | '.join(cells)} |"


def whole(value):
    return f"{value:,.0f}"


def with_server(load):
    """The broker's CPU time, and the server's behind a plus."""
    text = f"{load['cpu_us']:.2f}"
    return text + (f" + {load['server_cpu_us']:.2f}" if load["server_cpu_us"] is not None else "")


def markdown(results):
    first = next(iter(results.values()))
    queue, sessions = first["backlog"]["messages"], first["sessions"]["sessions"]
    lines = [
        f"| | {' | '.join(results)} |",
        "|---|" + "---|" * len(results),
        row("**QoS 1 to 64 absent sessions, 200 B**: acknowledged per second", results,
            lambda r: whole(r["detached"]["acked_per_s"])),
        row("acknowledgement p50 / p99, ms", results,
            lambda r: f"{r['detached']['ack_p50_ms']:.1f} / {r['detached']['ack_p99_ms']:.1f}"),
        row("CPU µs per message (broker + server)", results, lambda r: with_server(r["detached"])),
        row("bytes written per message", results, lambda r: whole(r["detached"]["bytes_per_message"])),
        row("messages per commit", results, lambda r: whole(r["detached"]["batch"])),
        row("drained per second, 64 sessions", results, lambda r: whole(r["detached"]["drained_per_s"])),
        row("**floor**, a bare loop with these commits: messages per second", results,
            lambda r: whole(r["floor"]["rows_per_second"])),
        row("floor: CPU µs per message (loop + server)", results, floor_cpu),
        row("floor: bytes written per message", results, lambda r: whole(r["floor"]["bytes_per_row"])),
        row("append and fdatasync of a file: messages per second", results,
            lambda r: whole(r["file"]["rows_per_second"])),
        row("**one message at a time**, absent session: acknowledgement p50 / p99, µs", results,
            lambda r: f"{whole(r['lone']['ack_p50_us'])} / {whole(r['lone']['ack_p99_us'])}"),
        row("**QoS 1 to 20 connected persistent sessions**: acknowledged per second", results,
            lambda r: whole(r["online"]["acked_per_s"])),
        row("CPU µs per message in and out (broker + server)", results, lambda r: with_server(r["online"])),
        row("bytes written per message", results, lambda r: whole(r["online"]["bytes_per_message"])),
        row(f"**{queue:,} messages for one absent session**: RssAnon while queueing, MiB", results,
            lambda r: whole(r["backlog"]["queueing_mib"])),
        row("restart to first CONNACK, s (median of 3)", results, lambda r: f"{r['backlog']['restart_s']:.2f}"),
        row("RssAnon after the restart / while draining, MiB", results, lambda r:
            f"{whole(r['backlog']['restarted_mib'])} / {whole(r['backlog']['draining_mib'])}"),
        row("drained per second, one session", results, lambda r: whole(r["backlog"]["drained_per_s"])),
        row("bytes on disk per message", results,
            lambda r: whole(r["backlog"]["disk_bytes"] / queue) if r["backlog"].get("restart_s") else "–"),
        row(f"**{sessions:,} sessions of one subscription**: restart to first CONNACK, s", results,
            lambda r: f"{r['sessions']['restart_s']:.2f}"),
        row("RssAnon, MiB", results, lambda r: whole(r["sessions"]["restarted_mib"])),
        row("lost, doubled or out of order", results, faults),
    ]  # fmt: skip
    return "\n".join(lines)


def write_readme(path, text):
    """Puts the table between its marks."""
    begin, end = "<!-- stores: begin -->", "<!-- stores: end -->"
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(begin)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n\n{text}\n{end}{rest.split(end)[1]}")


def floor_cpu(result):
    floor = result["floor"]
    server = floor.get("server_cpu_us_per_row")
    return f"{floor['cpu_us_per_row']:.2f}" + (f" + {server:.2f}" if server is not None else "")


def faults(result):
    found = [load["faults"] for load in result.values() if load and load.get("faults")]
    return "0" if not found else str(found)


def machine():
    """What the figures were taken on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    return f"{datetime.date.today()}, {os.cpu_count()} cores ({model}), Linux {platform.release()}"
