"""What the measuring scripts share: the conditions, servers as processes, wrk, CPU time.

Python's standard library only. Nothing here knows what is measured.
"""
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(FOLDER)
TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS_MAX = 900


def arguments_add(parser):
    """The options that every script has."""
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"),
                        help="folder of a release build (default: build/release)")
    parser.add_argument("--directory", default=tempfile.gettempdir(),
                        help="where data directories are made; the disk that is measured "
                             "(default: %(default)s)")


def program(arguments, name):
    path = os.path.join(arguments.build, name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: meson setup build/release && ninja -C build/release")
    return path


def first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, cwd=ROOT)
    except OSError:
        return "not there"
    return (done.stdout.strip().splitlines() or ["?"])[0]


def file_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return "?"


def cpu_model():
    for line in file_text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def mount_of(path):
    """Device, file system and options of the mount that holds `path`."""
    best = ("?", "", "?", "?")
    for line in file_text("/proc/mounts").splitlines():
        device, point, kind, options = line.split()[:4]
        inside = os.path.realpath(path).startswith(point.rstrip("/") + "/") or point == "/"
        if inside and len(point) >= len(best[1]):
            best = (device, point, kind, options)
    return f"{best[2]} on {best[0]} ({best[3]})"


def build_kind(arguments):
    """What kind of build is measured: figures of a debug build mislead."""
    try:
        with open(os.path.join(arguments.build, "meson-info", "intro-buildoptions.json"),
                  encoding="utf-8") as file:
            options = {option["name"]: option["value"] for option in json.load(file)}
    except (OSError, ValueError):
        return "unknown"
    kind = f"{options.get('buildtype')}, optimization {options.get('optimization')}"
    if options.get("b_sanitize", "none") != "none":
        kind += f", SANITIZERS {options['b_sanitize']}"
    return kind


def conditions_print(arguments):
    """Figures without their conditions say nothing."""
    changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
                             check=False).stdout.strip()
    print("conditions")
    for name, text in (
            ("kernel", platform.release()),
            ("processor", f"{cpu_model()}, {os.cpu_count()} processors"),
            ("load before", " ".join(file_text("/proc/loadavg").split()[:3])),
            ("congestion control", file_text("/proc/sys/net/ipv4/tcp_congestion_control")),
            ("disk", mount_of(arguments.directory)),
            ("compiler", first_line(["cc", "--version"])),
            ("build", build_kind(arguments)),
            ("nginx", first_line(["nginx", "-v"])),
            ("wrk", first_line(["wrk", "-v"])),
            ("crebito", first_line([program(arguments, "crebito"), "--version"])),
            ("commit", first_line(["git", "rev-parse", "--short=12", "HEAD"]) +
             (" with uncommitted changes" if changed else "")),
            ("command", " ".join(sys.argv)),
    ):
        print(f"  {name + ':':20}{text}")
    print(flush=True)


def port_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def http_get(port, path, timeout=5):
    """Status and text; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError:
        return 0, ""


def metrics(port):
    """The node's counters and gauges: name with labels to number."""
    values = {}
    for line in http_get(port, "/metrics")[1].splitlines():
        if line and not line.startswith("#"):
            name, number = line.rsplit(" ", 1)
            values[name] = float(number)
    return values


class Server:
    """A server process with its children."""

    def __init__(self, name, command, port, path, log):
        self.name = name
        self.port = port
        self.path = path
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        self.log = log

    def wait_ready(self):
        """Seconds until `path` is answered with 200."""
        begin = time.monotonic()
        while http_get(self.port, self.path)[0] != 200:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} stopped:\n{file_text(self.log)[-2000:]}")
            if time.monotonic() - begin > READY_SECONDS_MAX:
                sys.exit(f"{self.name} is not ready after {READY_SECONDS_MAX} s")
            time.sleep(0.002)
        return time.monotonic() - begin

    def processes(self):
        found = [self.process.pid]
        for pid in found:
            children = file_text(f"/proc/{pid}/task/{pid}/children")
            found += [int(child) for child in children.split() if child.isdigit()]
        return found

    def cpu_seconds(self):
        """User and system time of the process and its children, all threads."""
        ticks = 0
        for pid in self.processes():
            fields = file_text(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory_bytes(self, name="VmRSS"):
        for line in file_text(f"/proc/{self.process.pid}/status").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def workspace(arguments, keep=False):
    """A folder on the disk that is measured, and the servers started in it; both go at the end."""
    folder = tempfile.mkdtemp(prefix="crebito-bench-", dir=arguments.directory)
    servers = []
    try:
        yield folder, servers
    finally:
        for server in servers:
            server.stop()
        if keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def crebito_init(arguments, folder, *options):
    data = os.path.join(folder, "data")
    done = subprocess.run([program(arguments, "crebito"), "init", data, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"crebito init failed: {done.stdout}")
    return data


def crebito_start(arguments, folder, data, servers, *options):
    """Started, not yet ready."""
    port = port_free()
    server = Server("crebito", [program(arguments, "crebito"), "serve", data, "--listen",
                                f"127.0.0.1:{port}", *options],
                    port, "/readyz", os.path.join(folder, "crebito.log"))
    servers.append(server)
    return server


def wrk(port, seconds, connections, *script_arguments):
    """Runs credit.lua against the port; its summary as a dictionary."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
               "-s", os.path.join(FOLDER, "credit.lua"), f"http://127.0.0.1:{port}", "--",
               *[str(argument) for argument in script_arguments]]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        sys.exit(f"wrk failed: {done.stdout}")
    return json.loads(lines[-1])


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def median(values):
    return statistics.median(values)


def table_print(rows):
    """The first row is the head; columns but the first are flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())


def megabytes(count):
    return f"{count / 1048576:.1f} MiB"
