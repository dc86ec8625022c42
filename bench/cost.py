#!/usr/bin/env python3
"""CPU time of an answered transaction, against the floor.

Three servers take turns under the same load from wrk (kept-alive connections, one request at a time on
each): `floor`, a bare epoll loop that writes a constant of as many bytes as crebito's answer; nginx
with `return 200`; crebito, which makes every transaction durable before it answers. Rounds are
short and interleaved, so that what else the machine does falls on all of them. Cost is user and system
time of the server's processes, all threads, divided by the answers.

    bench/cost.py --rounds 7 --seconds 3 --connections 64,256
"""
import argparse
import os
import shutil
import socket
import sys

import common

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            default_type application/json;
            return 200 '{{"limite":100000,"saldo":-9098}}';
        }}
    }}
}}
"""

CREDIT = (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
          b"Content-Length: 46\r\nConnection: keep-alive\r\n\r\n"
          b'{"valor":1,"tipo":"c","descricao":"descricao"}')


def answer_capture(port):
    """The bytes of a real answer to a credit, for the floor to give back."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(CREDIT)
        answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"}"):
        sys.exit(f"a credit was not answered with 200: {answer!r}")
    return answer


def nginx_start(folder, servers):
    if shutil.which("nginx") is None:
        print("nginx is not installed: left out")
        return None
    port = common.port_free()
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(NGINX.format(folder=folder, port=port))
    server = common.Server("nginx", ["nginx", "-c", path, "-e", f"{folder}/nginx.log"], port, "/",
                           os.path.join(folder, "nginx.out"))
    servers.append(server)
    return server


def servers_start(arguments, folder, servers):
    data = common.crebito_init(arguments, folder)
    crebito = common.crebito_start(arguments, folder, data, servers)
    crebito.wait_ready()
    answer = answer_capture(crebito.port)
    path = os.path.join(folder, "answer")
    with open(path, "wb") as file:
        file.write(answer)
    print(f"an answer has {len(answer)} bytes\n")
    port = common.port_free()
    floor = common.Server("floor", [common.program(arguments, "bench/floor"), str(port), path], port,
                          "/", os.path.join(folder, "floor.out"))
    servers.append(floor)
    nginx = nginx_start(folder, servers)
    found = [server for server in (floor, nginx, crebito) if server is not None]
    for server in found:
        server.wait_ready()
    return found


def round_run(server, seconds, connections, kind):
    """One round of one server: a dictionary of figures."""
    durable = server.name == "crebito"
    before = common.metrics(server.port) if durable else {}
    cpu = server.cpu_seconds()
    summary = common.wrk(server.port, seconds, connections, kind)
    cpu = server.cpu_seconds() - cpu
    after = common.metrics(server.port) if durable else {}
    errors = summary["errors"]
    broken = errors["connect"] + errors["read"] + errors["write"] + errors["timeout"]
    if broken > 0 or summary["requests"] == 0:
        sys.exit(f"{server.name}: {broken} requests failed: {summary}")
    figures = {
        "us": cpu * 1e6 / summary["requests"],
        "rate": summary["requests"] * 1e6 / summary["duration_us"],
        "busy": cpu * 1e6 / summary["duration_us"],
        "refused": errors["status"] / summary["requests"],
        **summary["latency_us"],
    }
    if durable:
        figures["commands"] = ratio_of(before, after, "crebito_entry_commands")
        figures["entries"] = ratio_of(before, after, "crebito_write_entries")
        figures["write_us"] = ratio_of(before, after, "crebito_write_seconds") * 1e6
    return figures


def ratio_of(before, after, name):
    """What a histogram's values were in between, on average."""
    count = after.get(name + "_count", 0) - before.get(name + "_count", 0)
    total = after.get(name + "_sum", 0) - before.get(name + "_sum", 0)
    return total / count if count > 0 else 0.0


def middle(rounds, name):
    return common.median([figures[name] for figures in rounds])


def report(servers, rounds, connections):
    floor = servers[0].name
    rows = [["server", "CPU us", "min..max", "x floor", "x, by round", "answers/s", "busy", "p50 us",
             "p99 us", "max us", "not 200"]]
    for server in servers:
        own = rounds[server.name]
        cost = [figures["us"] for figures in own]
        by_round = [figures["us"] / base["us"] for figures, base in zip(own, rounds[floor])]
        rows.append([
            server.name, f"{common.median(cost):.2f}", f"{min(cost):.2f}..{max(cost):.2f}",
            f"{common.median(cost) / middle(rounds[floor], 'us'):.2f}",
            f"{common.median(by_round):.2f}", f"{middle(own, 'rate'):,.0f}",
            f"{middle(own, 'busy'):.2f}", f"{middle(own, 'p50'):,.0f}",
            f"{middle(own, 'p99'):,.0f}", f"{middle(own, 'max'):,.0f}",
            f"{middle(own, 'refused'):.1%}"])
    print(f"{connections} connections, medians of {len(rounds[floor])} rounds")
    common.table_print(rows)
    own = rounds["crebito"]
    print(f"  crebito: {middle(own, 'commands'):.1f} commands per log entry, "
          f"{middle(own, 'entries'):.2f} entries per write, {middle(own, 'write_us'):.0f} us per "
          f"write\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.arguments_add(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each round (default: 3)")
    parser.add_argument("--connections", default="64,256")
    parser.add_argument("--kind", choices=["mix", "credit"], default="mix",
                        help="mix: two debits to one credit; credit: no refusals")
    arguments = parser.parse_args()
    common.conditions_print(arguments)
    with common.workspace(arguments) as (folder, started):
        servers = servers_start(arguments, folder, started)
        for server in servers:
            common.wrk(server.port, 1, 64, arguments.kind)
        for connections in [int(count) for count in arguments.connections.split(",")]:
            rounds = {server.name: [] for server in servers}
            for number in range(arguments.rounds):
                turn = number % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    rounds[server.name].append(
                        round_run(server, arguments.seconds, connections, arguments.kind))
            report(servers, rounds, connections)


if __name__ == "__main__":
    main()
