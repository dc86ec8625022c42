#!/usr/bin/env python3
"""What many accounts cost: memory of each, and time until the bank answers.

Makes a file of accounts, a bank from it, and starts the node: the first start opens the accounts, the
later ones find them in the journal.

    bench/accounts.py --count 10000000
"""
import argparse
import json
import os
import sys
import time

import common


def accounts_write(path, count):
    with open(path, "w", encoding="ascii") as file:
        file.write("# id,limit in cents\n")
        for first in range(1, count + 1, 100_000):
            last = min(first + 100_000, count + 1)
            file.write("".join(f"{account},{account % 1000 * 1000}\n"
                               for account in range(first, last)))


def last_account_check(server, count):
    """The last one of the file must be there with its limit, and the next must not."""
    status, text = common.http_get(server.port, f"/clientes/{count}/extrato")
    if status != 200 or json.loads(text)["saldo"]["limite"] != count % 1000 * 1000:
        sys.exit(f"account {count}: {status} {text}")
    status, text = common.http_get(server.port, f"/clientes/{count + 1}/extrato")
    if status != 404:
        sys.exit(f"account {count + 1} must not exist: {status} {text}")


def start(arguments, folder, data, servers, base, name):
    server = common.crebito_start(arguments, folder, data, servers)
    seconds = server.wait_ready()
    rss = server.memory_bytes()
    last_account_check(server, arguments.count)
    print(f"  {name}: ready after {seconds:.2f} s, RSS {common.megabytes(rss)}, "
          f"{(rss - base) / arguments.count:.1f} bytes an account more than with five", flush=True)
    server.stop()


def empty_bank_memory(arguments, folder, servers):
    os.mkdir(os.path.join(folder, "five"))
    data = common.crebito_init(arguments, os.path.join(folder, "five"))
    server = common.crebito_start(arguments, folder, data, servers)
    server.wait_ready()
    rss = server.memory_bytes()
    server.stop()
    return rss


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.arguments_add(parser)
    parser.add_argument("--count", type=int, default=10_000_000, help="(default: 10 million)")
    arguments = parser.parse_args()
    common.conditions_print(arguments)
    with common.workspace(arguments) as (folder, servers):
        base = empty_bank_memory(arguments, folder, servers)
        print(f"{arguments.count:,} accounts; RSS with five {common.megabytes(base)}")
        path = os.path.join(folder, "accounts")
        accounts_write(path, arguments.count)
        begin = time.monotonic()
        data = common.crebito_init(arguments, folder, "--accounts", path)
        print(f"  init: {time.monotonic() - begin:.2f} s", flush=True)
        for name in ("first start", "second start", "third start"):
            start(arguments, folder, data, servers, base, name)


if __name__ == "__main__":
    main()
