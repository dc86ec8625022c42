#!/usr/bin/env python3
"""How long one durable credit takes, against one durable write of 4 KiB to the same disk.

One client, one connection, one credit at a time. Between two credits sync_floor writes one block with
RWF_DSYNC to a preallocated file of zeros: what the disk can do at that moment. The target: the median
credit takes at most one and a half such writes and 100 us.

    bench/latency.py --count 5000
"""
import argparse
import os
import subprocess
import sys

import common

SHARE = 1.5
EXTRA_US = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.arguments_add(parser)
    parser.add_argument("--count", type=int, default=5000, help="credits (default: 5000)")
    arguments = parser.parse_args()
    common.conditions_print(arguments)
    with common.workspace(arguments) as (folder, servers):
        data = common.crebito_init(arguments, folder)
        server = common.crebito_start(arguments, folder, data, servers)
        server.wait_ready()
        warm = arguments.count // 10 + 1
        done = subprocess.run([common.program(arguments, "bench/sync_floor"),
                               os.path.join(folder, "sync_floor.data"), str(server.port),
                               str(arguments.count + warm)],
                              stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit("sync_floor failed")
        turns = [line.split() for line in done.stdout.splitlines()][warm:]
        writes = [float(turn[0]) for turn in turns]
        credits = [float(turn[1]) for turn in turns]
        rows = [["", "p50 us", "p90 us", "p99 us", "max us"]]
        for name, values in (("4 KiB, RWF_DSYNC", writes), ("durable credit", credits)):
            rows.append([name] + [f"{common.percentile(values, share):,.0f}"
                                  for share in (50, 90, 99, 100)])
        common.table_print(rows)
        allowed = SHARE * common.percentile(writes, 50) + EXTRA_US
        reached = common.percentile(credits, 50) <= allowed
        print(f"\n{'reached' if reached else 'MISSED'}: p50 of a credit "
              f"{common.percentile(credits, 50):,.0f} us, allowed {SHARE} x write + {EXTRA_US} us "
              f"= {allowed:,.0f} us")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
