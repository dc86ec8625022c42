"""Disks that fail: the node says so and stops, answers nothing that it cannot keep, and starts again."""

import os
import re

import pytest

from checker import STATEMENT, UNKNOWN
from clients import Client, Crowd
from harness import run, verify, wait_until
from rounds import check_answers, check_at_rest
from tracing import heal, inject, needs_strace

ERROR_LINE = re.compile(r"^\S+Z error ", re.MULTILINE)
FAILURES = [
    ("pwritev2", (1, 2, 3, 5, 8, 13, 21, 34)),
    ("fdatasync", (1, 2)),
    ("fsync", (1, 2)),
    ("renameat,renameat2,rename", (1, 2)),
]


def ended_well(node, words):
    """The node ended by itself, with an error line that says why and a status that is not 0."""
    status = node.wait()
    assert status > 0, (status, node.log)
    assert ERROR_LINE.search(node.log), node.log
    assert re.search(words, node.log), node.log
    assert "Sanitizer" not in node.log and "CHECK" not in node.log, node.log


@needs_strace
@pytest.mark.limit(120)
@pytest.mark.parametrize("calls, points", FAILURES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_write_or_sync_that_fails_stops_the_node_and_loses_nothing(make_node, calls, points):
    """The n-th such call of a thread fails: during the start, under load, or during the stop."""
    node = make_node()
    crowd = Crowd(node, 4, amount_max=30000)
    failed = 0
    for point in points:
        inject(node, calls.split(","), "error=EIO", point)
        node.spawn()
        if node.wait_ready():
            with crowd:
                wait_until(
                    lambda: node.process.poll() is not None or crowd.answered > 400, 30,
                    f"the end of the node, or 400 answers, after call {point} failed",
                )  # fmt: skip
        if node.process.poll() is None:
            node.process.terminate()
        if node.process.wait(30) != 0:
            failed += 1
            ended_well(node, "Input/output error")
        else:
            node.wait()  # it has not needed this call so often
        heal(node)
        node.start()
        check_answers(node, crowd)
        node.stop()
    node.start()
    check_at_rest(node, crowd)
    assert failed, f"{calls} never failed"


@needs_strace
@pytest.mark.limit(90)
def test_a_read_that_fails_during_a_start_stops_it_and_changes_nothing(make_node):
    node = make_node().start()
    for _ in range(20):
        assert node.post(1).status == 200
    node.stop()
    files = [path for path in node.directory.rglob("*") if path.is_file()]
    for point in range(1, 60):
        inject(node, ("pread64", "preadv", "preadv2"), "error=EIO", point, files)
        node.spawn()
        if node.wait_ready():
            break
        ended_well(node, "Input/output error")
        heal(node)
        verify(node.directory)
    assert point > 5
    node.stop()
    heal(node)
    node.start()
    assert node.balance(1) == 20


@pytest.mark.limit(120)
def test_a_full_disk_loses_nothing_and_the_node_starts_again_when_there_is_room(make_disk, make_node):
    disk = make_disk(100)
    node = make_node(parent=disk.path).start()
    fill(disk.path, leave=512 * 1024)
    crowd = Crowd(node, 6, amount_max=30000)
    probe = Client(node, "probe", (1,), repeats=0)
    crowd.clients.append(probe)
    with crowd:
        wait_until(lambda: refuses(node, probe), 60, "the node notices that the disk is full")
    if node.process.poll() is None and refuses(node, probe):
        assert node.ask("GET", "/clientes/1/extrato").status in (200, 503)
        node.process.terminate()
        node.wait()
    else:
        ended_well(node, "No space left|full")
    (disk.path / "filler").unlink()
    verify(node.directory)
    node.start()
    check_answers(node, crowd)
    check_at_rest(node, crowd)


def fill(path, leave):
    """Takes all room but so many bytes."""
    room = os.statvfs(path)
    descriptor = os.open(path / "filler", os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(descriptor, 0, room.f_bavail * room.f_frsize - leave)
    os.close(descriptor)


def refuses(node, probe):
    """The node has stopped, is about to, or answers 503 to a transaction."""
    if node.process.poll() is not None:
        return True
    while (operation := probe.invent()).kind == STATEMENT:
        pass
    probe.attempt([operation])
    return operation.outcome == UNKNOWN and wait_or_answer(node)


def wait_or_answer(node):
    """After a failure the process ends soon, or goes on for good: both are told apart by asking."""
    try:
        node.ask("GET", "/healthz")
    except OSError:
        node.process.wait(30)
    return True


@pytest.mark.limit(90)
def test_init_on_a_full_disk_is_refused_and_leaves_no_bank(make_disk, the_program):
    disk = make_disk(24)
    fill(disk.path, leave=2 * 1024 * 1024)
    done = run("init", disk.path / "bank")
    assert done.returncode == 1
    assert "No space left" in done.stderr, done.stderr
    done = run("serve", disk.path / "bank", "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "crebito init" in done.stderr
