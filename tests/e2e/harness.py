"""Starts, asks, stops and kills the real program: what every test here is built from.

The program is build/release/crebito, or the one that $CREBITO_BINARY names. Nothing here sleeps and
hopes: it waits for a line, an answer or a condition, until a deadline of the monotonic clock. Answers
are read strictly: a status line, fields, a length and the body, or the test fails.
"""

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("CREBITO_BINARY") or REPOSITORY / "build/release/crebito").absolute()

SEED = int(os.environ.get("CREBITO_SEED", "1"))  # of all dice; another one makes another run

LIMITS = {1: 100000, 2: 80000, 3: 1000000, 4: 10000000, 5: 500000}
AMOUNT_MAX = 2**53 - 1
BODY_SIZE_MAX = 16384
HEAD_SIZE_MAX = 8192
FIELDS_MAX = 64
WINDOW_MIN = 1024

TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
READY_PATTERN = re.compile(r"crebito: ready on http://127\.0\.0\.1:(\d+)\n")


class Deadline:
    """A point of the monotonic clock after which a wait is a failure."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())


def wait_until(condition, seconds, what):
    """Polls until the condition is true and returns its value; fails after so many seconds."""
    deadline = Deadline(seconds)
    while True:
        value = condition()
        if value:
            return value
        if not deadline.left():
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.002)


# HTTP


class ConnectionEnded(Exception):
    """The other side closed before a whole answer was there."""

    def __init__(self, got):
        super().__init__(f"the connection ended after {len(got)} bytes of an answer: {got[:200]!r}")
        self.got = got


def _no_float(text):
    raise AssertionError(f"a number that is not an integer in an answer: {text}")


def _no_duplicates(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name twice in an answer: {names}"
    return dict(pairs)


@dataclass
class Response:
    status: int
    reason: str
    fields: list
    body: bytes

    def field(self, name):
        """The value of a field that is there at most once, or None."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(
            self.body.decode("utf-8"),
            parse_float=_no_float,
            parse_constant=_no_float,
            object_pairs_hook=_no_duplicates,
        )

    @property
    def place(self):
        """Crebito-Sequence: the transaction's place in its account."""
        value = self.field("Crebito-Sequence")
        assert value is not None and re.fullmatch(r"0|[1-9]\d*", value), f"Crebito-Sequence: {value}"
        return int(value)

    @property
    def since(self):
        value = self.field("Crebito-Since")
        assert value is not None and re.fullmatch(r"0|[1-9]\d*", value), f"Crebito-Since: {value}"
        return value

    @property
    def key(self):
        value = self.field("Idempotency-Key")
        assert value, "no Idempotency-Key in the answer"
        return value

    @property
    def problem(self):
        """The problem document, checked: RFC 9457's members and the same status as the answer."""
        assert self.field("Content-Type") == "application/problem+json", self
        document = self.json()
        assert document["type"].startswith("urn:crebito:problem:"), document
        assert document["status"] == self.status, document
        assert document["title"] and document["detail"], document
        assert set(document) <= {"type", "title", "status", "detail", "field"}, document
        return document

    @property
    def problem_type(self):
        return self.problem["type"].removeprefix("urn:crebito:problem:")


def render_request(method, target, body=None, fields=None, version="1.1"):
    """The bytes of a request; `fields` is a dict or a list of pairs and may replace the defaults."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
    given = {name.lower() for name, _ in pairs}
    if "host" not in given and version == "1.1":
        pairs.insert(0, ("Host", "crebito.test"))
    if body is not None and not given & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    if body is not None and "content-type" not in given:
        pairs.append(("Content-Type", "application/json"))
    head = f"{method} {target} HTTP/{version}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + (body or b"")


class Connection:
    """One TCP connection: bytes out, whole answers in."""

    def __init__(self, address, seconds=10):
        self.socket = socket.create_connection(address, timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self, got):
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise ConnectionEnded(got + self.received) from error
        if not data:
            raise ConnectionEnded(got + self.received)
        self.received += data

    def receive(self, head_only=False):
        """Reads one answer, a 1xx too. `head_only`: the answer to HEAD, which has no body."""
        while b"\r\n\r\n" not in self.received:
            self._more(b"")
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        line, *lines = head.decode("ascii").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 ([1-5]\d\d) ([\x20-\x7e]*)", line)
        assert match, f"status line: {line!r}"
        response = Response(int(match[1]), match[2], [], b"")
        for text in lines:
            match = re.fullmatch(r"([A-Za-z0-9-]+): ([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)", text)
            assert match, f"field: {text!r}"
            response.fields.append((match[1], match[2]))
        if head_only or response.status < 200 or response.status in (204, 304):
            return response
        size = response.field("Content-Length")
        assert size is not None and size.isdigit(), f"no length: {response}"
        while len(self.received) < int(size):
            self._more(head)
        response.body = self.received[: int(size)]
        self.received = self.received[int(size) :]
        return response

    def ask(self, method, target, body=None, fields=None, version="1.1"):
        self.send(render_request(method, target, body, fields, version))
        return self.receive(head_only=method == "HEAD")

    def ended(self, seconds=10):
        """True once the other side has closed and nothing more came."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1)
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return data == b"" and self.received == b""


def transaction(valor=1, tipo="c", descricao="teste"):
    """The body of a transaction."""
    document = {"valor": valor, "tipo": tipo, "descricao": descricao}
    return json.dumps(document, ensure_ascii=False).encode("utf-8")


class Asking:
    """What a node and a balancer have in common: an address that answers requests."""

    address = None

    def connect(self, seconds=10):
        return Connection(self.address, seconds)

    def ask(self, method, target, body=None, fields=None):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.ask(method, target, body, fields)

    def post(self, account, valor=1, tipo="c", descricao="teste", fields=None):
        target = f"/clientes/{account}/transacoes"
        return self.ask("POST", target, transaction(valor, tipo, descricao), fields)

    def statement(self, account):
        """The statement's document; fails if it is not a 200 of exactly the contract's shape."""
        response = self.ask("GET", f"/clientes/{account}/extrato")
        assert response.status == 200, response
        return check_statement(response)

    def balance(self, account):
        return self.statement(account)["saldo"]["total"]


def check_statement(response):
    assert response.field("Content-Type").split(";")[0] == "application/json", response
    document = response.json()
    assert list(document) == ["saldo", "ultimas_transacoes"], document
    assert sorted(document["saldo"]) == ["data_extrato", "limite", "total"], document
    assert TIME_PATTERN.fullmatch(document["saldo"]["data_extrato"]), document
    assert document["saldo"]["total"] >= -document["saldo"]["limite"], document
    entries = document["ultimas_transacoes"]
    assert len(entries) == min(10, response.place), document
    for entry in entries:
        assert sorted(entry) == ["descricao", "realizada_em", "tipo", "valor"], entry
        assert TIME_PATTERN.fullmatch(entry["realizada_em"]), entry
        assert entry["tipo"] in ("c", "d") and 1 <= entry["valor"] <= AMOUNT_MAX, entry
        assert 1 <= len(entry["descricao"]) <= 10, entry
    times = [document["saldo"]["data_extrato"]] + [entry["realizada_em"] for entry in entries]
    assert times == sorted(times, reverse=True), times
    return document


# Processes


def run(*arguments, seconds=60, **options):
    """Runs the program to its end and returns the finished process, with its output as text."""
    command = [str(BINARY), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, **options)


def init(directory, *options):
    """Makes a bank; fails with the program's own words."""
    done = run("init", directory, *options)
    assert done.returncode == 0, f"init: {done.returncode} {done.stdout}{done.stderr}"
    return done


def verify(directory):
    """Fails unless `crebito verify` finds the stopped node's directory whole."""
    done = run("verify", directory)
    assert done.returncode == 0, f"verify: {done.returncode} {done.stdout}{done.stderr}"
    assert done.stdout.splitlines()[-1] == "ok", done.stdout
    return done


@dataclass
class Node(Asking):
    """A serving process on a data directory: started, stopped and killed as often as a test wants.

    `prefix` goes before the command (a tracer); `options` after `serve DIR`. What it logs is kept in
    files in `logs`, else beside the directory, one for each start.
    """

    directory: Path
    options: tuple = ()
    prefix: tuple = ()
    listen: str = "127.0.0.1:0"
    environment: dict = field(default_factory=dict)
    logs: Path = None
    process: subprocess.Popen = None
    port: int = 0
    starts: int = 0

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def beside(self, name):
        """A path for something that belongs to this node but not into its directory."""
        return (self.logs or self.directory.parent) / f"{self.directory.name}.{name}"

    @property
    def log_path(self):
        return self.beside(f"log.{self.starts}")

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def spawn(self):
        """Starts the process and does not wait for anything."""
        assert self.process is None, "a node is started once"
        self.starts += 1
        command = [*map(str, self.prefix), str(BINARY), "serve", str(self.directory)]
        command += ["--listen", self.listen, *map(str, self.options)]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def wait_ready(self, seconds=30):
        """Reads the ready line. False when the process ended before it."""
        deadline = Deadline(seconds)
        output = self.process.stdout
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([output], [], [], deadline.left())
            assert readable, f"not ready within {seconds} s: {self.log}"
            byte = os.read(output.fileno(), 1)
            if not byte:
                return False
            line += byte
        match = READY_PATTERN.fullmatch(line.decode())
        assert match, f"not the ready line: {line!r}"
        self.port = int(match[1])
        return True

    def start(self, seconds=30):
        self.spawn()
        if not self.wait_ready(seconds):
            status = self.wait()
            raise AssertionError(f"ended with {status} before it was ready: {self.log}")
        return self

    def wait(self, seconds=30):
        """Waits until the process has ended by itself; returns its status (negative: the signal)."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {seconds} s: {self.log}") from error
        self.process.stdout.close()
        self.process = None
        return status

    def stop(self, seconds=30):
        """Asks the process to stop and expects that it does so well."""
        os.kill(self.pid, signal.SIGTERM)
        status = self.wait(seconds)
        assert status == 0, f"SIGTERM ended with {status}: {self.log}"

    def kill(self):
        """kill -9, and waits until the process is gone. Also when it has ended already."""
        if self.process is not None:
            self.process.kill()
            return self.wait()
        return None

    def restart(self):
        self.stop()
        return self.start()


def bank(parent, *options, name="bank"):
    """A fresh bank in a directory below `parent`, not yet served."""
    directory = Path(parent) / name
    init(directory, *options)
    return Node(directory)
