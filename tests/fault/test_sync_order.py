"""No answer leaves before what it says is on the disk: read from the node's own system calls."""

import re

import pytest

from harness import LIMITS, render_request, transaction
from records import command_id
from tracing import needs_strace, read_trace, trace

WRITES = ("pwritev2", "pwritev", "pwrite64", "write", "writev")
SYNCS = ("fdatasync", "fsync")
ANSWERS = ("write", "writev", "sendto", "sendmsg")
CALLS = sorted({*WRITES, *SYNCS, *ANSWERS, "io_submit", "io_uring_enter", "sync_file_range"})
KEY = re.compile(rb"HTTP/1\.1 (200|422) .*?\r\nIdempotency-Key: ([!-~]+)\r\n", re.DOTALL)


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
    """(line at which the answer was written, key) for every answer to a transaction."""
    for call in calls:
        if call.name in ANSWERS and "socket:" in call.descriptor[1] + call.arguments[:60]:
            for match in re.finditer(rb"HTTP/1\.1 .*?\r\n\r\n", call.data, re.DOTALL):
                if key := KEY.match(match[0]):
                    yield call.entered, key[2].decode()


@needs_strace
@pytest.mark.limit(90)
def test_no_answer_is_written_before_the_sync_of_its_group_has_returned(make_node):
    node = make_node()
    output = trace(node, CALLS)
    node.start()
    accounts = {}
    connections = [node.connect() for _ in range(4)]
    try:
        for number in range(30):
            for place, connection in enumerate(connections):
                account = 1 + place
                key = f"k{place}-{number}"
                accounts[key] = account
                amount, kind = (10**9, "d") if number % 10 == 9 else (1, "c")
                connection.send(
                    render_request("POST", f"/clientes/{account}/transacoes",
                                   transaction(amount, kind), {"Idempotency-Key": key})
                )  # fmt: skip
            for connection in connections:
                assert connection.receive().status in (200, 422)
    finally:
        for connection in connections:
            connection.close()
    assert set(accounts.values()) <= set(LIMITS)
    node.stop()
    calls = read_trace(output)
    moments = list(durable_moments(calls))
    answered = dict((key, line) for line, key in answers(calls))
    assert set(answered) == set(accounts), "the trace shows every answer"
    for key, line in answered.items():
        identity = command_id(accounts[key], key)
        durable = [moment for moment, data in moments if identity in data]
        assert durable, f"the transaction of {key} was never synced"
        assert min(durable) < line, f"{key} was answered before its group was on the disk"
