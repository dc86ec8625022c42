"""No answer leaves before what it says is on the disk: read from the node's own system calls."""

import os
import re
import subprocess
import threading

import pytest

from harness import BINARY, render_request, transaction, wait_until
from records import command_id
from tracing import ENVIRONMENT, needs_strace, read_trace, trace, trace_command

WRITES = ("pwritev2", "pwritev", "pwrite64", "write", "writev")
SYNCS = ("fdatasync", "fsync")
ANSWERS = ("write", "writev", "sendto", "sendmsg")
CALLS = sorted({*WRITES, *SYNCS, *ANSWERS, "io_submit", "io_uring_enter", "sync_file_range"})
KEY = re.compile(rb"HTTP/1\.1 (?:200|422) .*?\r\nIdempotency-Key: ([!-~]+)\r\n", re.DOTALL)


def durable_moments(calls):
    """(line at which it was on the disk, bytes) for every write to a file of the data directory."""
    waiting = {}
    for call in calls:
        descriptor, path = call.descriptor
        if call.name in SYNCS and call.result == 0:
            for data in waiting.pop(path, []):
                yield call.returned, data
        elif call.name in WRITES and call.result > 0 and "/log/" in path:
            if "RWF_DSYNC" in call.arguments or "RWF_SYNC" in call.arguments:
                yield call.returned, call.data
            else:
                waiting.setdefault(path, []).append(call.data)


def answers(calls):
    """(line at which it was written, answer) for every answer to a client."""
    for call in calls:
        if call.name in ANSWERS and "socket:" in call.descriptor[1] + call.arguments[:60]:
            for answer in re.split(rb"(?=HTTP/1\.1 )", call.data)[1:]:
                yield call.entered, answer


class Reader(threading.Thread):
    """Asks for statements all the time."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node = node
        self.stopping = threading.Event()
        self.count = 0

    def run(self):
        with self.node.connect() as connection:
            while not self.stopping.is_set():
                connection.ask("GET", f"/clientes/{1 + self.count % 4}/extrato")
                self.count += 1


def ask_much(node):
    """Four clients and a reader; returns the account of each key. Descriptions are the keys."""
    accounts = {}
    connections = [node.connect() for _ in range(4)]
    reader = Reader(node)
    reader.start()
    try:
        for number in range(40):
            for place, connection in enumerate(connections):
                key = f"k{place}-{number}"
                accounts[key] = 1 + place
                amount, kind = (10**9, "d") if number % 10 == 9 else (1, "c")
                connection.send(
                    render_request("POST", f"/clientes/{1 + place}/transacoes",
                                   transaction(amount, kind, key), {"Idempotency-Key": key})
                )  # fmt: skip
            for connection in connections:
                assert connection.receive().status in (200, 422)
    finally:
        reader.stopping.set()
        reader.join(20)
        for connection in connections:
            connection.close()
    assert reader.count > 40
    return accounts


@needs_strace
@pytest.mark.limit(90)
def test_no_answer_is_written_before_what_it_says_is_on_the_disk(make_node):
    node = make_node()
    output = trace(node, CALLS, slow=["pwritev2"])
    node.start()
    accounts = ask_much(node)
    node.stop()
    wait_until(lambda: "exited with" in output.read_text(), 10, "the tracer has written all")
    calls = read_trace(output)
    moments = list(durable_moments(calls))
    durable = {}
    for key, account in accounts.items():
        identity = command_id(account, key)
        durable[key] = min((line for line, data in moments if identity in data), default=None)
        assert durable[key] is not None, f"the transaction of {key} was never synced"
    answered, shown = set(), set()
    for line, answer in answers(calls):
        if match := KEY.match(answer):
            answered.add(match[1].decode())
            assert durable[match[1].decode()] < line, f"{match[1]} was answered before its sync"
        for key in re.findall(rb'"descricao":"(k[0-9-]+)"', answer):
            shown.add(key.decode())
            assert durable[key.decode()] < line, f"a statement showed {key} before its sync"
    assert answered == set(accounts), "the trace shows every answer"
    assert len(shown) > 40


NAMING = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "openat", "open", "link", "linkat")


def names_made(calls, below):
    """(line, path) for every name made below a directory: files, directories, renamed ones."""
    for call in calls:
        if call.name in NAMING and call.result >= 0:
            if call.name.startswith("open") and "O_CREAT" not in call.arguments:
                continue
            path = call.names[-1]
            if path.startswith(below) and os.path.basename(path) != "lock":
                yield call.returned, path


def check_names(calls, below):
    made = list(names_made(calls, str(below)))
    assert made
    synced = [(call.entered, call.descriptor[1]) for call in calls
              if call.name in SYNCS and call.result == 0]  # fmt: skip
    for line, path in made:
        directory = os.path.dirname(path)
        assert any(directory == where and line < moment for moment, where in synced), (
            f"the directory of {path} was not synced after that name was made"
        )


@needs_strace
def test_every_name_that_is_made_is_synced_in_its_directory(make_node, tmp_path):
    """A file system may forget a name although the file was synced; the one of the power tests does not."""
    calls = [*NAMING, *SYNCS]
    output = tmp_path / "init.trace"
    command = [*trace_command(output, calls), str(BINARY), "init", str(tmp_path / "new")]
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: "exited with" in output.read_text(), 10, "the tracer has written all")
    check_names(read_trace(output), tmp_path / "new")
    node = make_node()
    output = trace(node, calls)
    node.start()
    assert node.post(1).status == 200
    node.stop()
    wait_until(lambda: "exited with" in output.read_text(), 10, "the tracer has written all")
    check_names(read_trace(output), node.directory)
