#!/usr/bin/env python3
"""How long a node needs after a crash, and how much memory it holds.

Fills a bank with transactions over HTTP, ends the node with SIGKILL, and measures the time from the
start of the process to the first 200 of /readyz: with the files in the page cache, and again after
the caches were dropped (root only). No transaction that was answered may be missing.

    bench/restart.py --count 10000000
"""
import argparse
import os
import signal
import sys
import time

import common

CONNECTIONS = 512  # what waits for a write goes into the next one together: many make it fast
LOAD_SECONDS = 5


def fill(server, count):
    """Answers in all."""
    answers = 0
    begin = time.monotonic()
    while True:
        records = common.metrics(server.port).get("crebito_records", 0)
        if records >= count:
            break
        summary = common.wrk(server.port, LOAD_SECONDS, CONNECTIONS, "mix")
        errors = summary["errors"]
        if summary["requests"] == 0 or errors["connect"] + errors["timeout"] > 0:
            sys.exit(f"the load failed: {summary}")
        answers += summary["requests"]
    seconds = time.monotonic() - begin
    print(f"  {records:,.0f} records, {answers:,} answers in {seconds:.0f} s "
          f"({answers / seconds:,.0f}/s on {CONNECTIONS} connections)", flush=True)
    return records


def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def caches_drop():
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("3")
        return True
    except OSError as error:
        print(f"  caches cannot be dropped: {error}")
        return False


def crash_and_start(arguments, folder, data, servers, cold):
    """One line of the report, and the node that runs then."""
    records = common.metrics(servers[-1].port)["crebito_records"]
    servers[-1].stop(signal.SIGKILL)
    if cold and not caches_drop():
        return common.crebito_start(arguments, folder, data, servers)
    server = common.crebito_start(arguments, folder, data, servers)
    seconds = server.wait_ready()
    found = common.metrics(server.port)["crebito_records"]
    print(f"  {'cold' if cold else 'warm'}: ready after {seconds:.2f} s, "
          f"{found / seconds / 1e6:.1f} million records/s, RSS "
          f"{common.megabytes(server.memory_bytes())}", flush=True)
    if found < records:
        sys.exit(f"LOST: {records - found:,.0f} records")
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.arguments_add(parser)
    parser.add_argument("--count", type=int, default=10_000_000, help="(default: 10 million)")
    parser.add_argument("--times", type=int, default=3, help="restarts of each kind (default: 3)")
    arguments = parser.parse_args()
    common.conditions_print(arguments)
    with common.workspace(arguments) as (folder, servers):
        data = common.crebito_init(arguments, folder)
        server = common.crebito_start(arguments, folder, data, servers)
        print(f"empty bank: ready after {server.wait_ready():.2f} s, RSS "
              f"{common.megabytes(server.memory_bytes())}\nfilling", flush=True)
        fill(server, arguments.count)
        print(f"  data directory {common.megabytes(folder_bytes(data))}, RSS "
              f"{common.megabytes(server.memory_bytes())}, at most "
              f"{common.megabytes(server.memory_bytes('VmHWM'))}\nafter kill -9", flush=True)
        for cold in (False, True):
            for _ in range(arguments.times):
                server = crash_and_start(arguments, folder, data, servers, cold)
                server.wait_ready()


if __name__ == "__main__":
    main()
