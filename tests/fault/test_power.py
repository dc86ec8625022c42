"""Power cuts: what was answered was on the disk, not only in the page cache."""

import os
import random
import shutil
import signal
import time

import pytest

from clients import Crowd
from harness import SEED, Deadline, Node, render_request, transaction, verify
from rounds import check_answers, check_at_rest, load, long_load

CUTS = 20  # for each size of batches


def cut(disk, node):
    """The power fails under a running node. Its disk fails under it first; then it is gone too."""
    disk.shutdown()
    node.kill()


@pytest.mark.limit(150)
@pytest.mark.parametrize("batch", [1, 25])
def test_nothing_that_was_answered_is_lost_when_the_power_fails(make_disk, make_node, batch):
    disk = make_disk()
    node = make_node(parent=disk.path).start()
    crowd = Crowd(node, 6, amount_max=30000, batch=batch)
    dice = random.Random(f"{SEED}-{batch}")
    for number in range(CUTS):
        load(crowd, node, dice.randint(1, 400), lambda: cut(disk, node))
        disk.come_back()
        if number % 5 == 0:
            verify(node.directory)
        node.start()
        if number % 3 == 0:
            check_answers(node, crowd)
        else:
            crowd.settle()
    check_at_rest(node, crowd)


def test_the_last_answer_before_the_power_fails_is_not_lost(make_disk, make_node):
    disk = make_disk()
    node = make_node(parent=disk.path).start()
    for balance in range(1, 11):
        assert node.post(1).json()["saldo"] == balance
        cut(disk, node)
        disk.come_back()
        node.start()
        assert node.balance(1) == balance


@pytest.mark.limit(120)
def test_power_that_fails_after_a_snapshot_loses_nothing(make_disk, make_node):
    """The log is recycled behind a snapshot: by then the journal must be on the disk."""
    disk = make_disk(400)
    node = make_node(parent=disk.path).start()
    answered = long_load(node, snapshots=1)
    cut(disk, node)
    disk.come_back()
    node.start()
    assert node.balance(4) == answered
    node.stop()
    verify(node.directory)


def test_a_bank_is_born_on_the_disk_and_not_in_the_page_cache(make_disk, make_node):
    disk = make_disk()
    node = make_node(parent=disk.path)
    disk.cut()
    verify(node.directory)
    node.start()
    assert node.balance(5) == 0


def test_power_that_fails_right_after_a_start_loses_nothing(make_disk, make_node):
    disk = make_disk()
    node = make_node(parent=disk.path).start()
    assert node.post(1, 5).status == 200
    for _ in range(5):
        node.kill()
        node.start()
        assert node.balance(1) == 5
        cut(disk, node)
        disk.come_back()
        node.start()
        assert node.balance(1) == 5


def copy_into_page_cache(source, before, target):
    """Makes `target`, which is on the disk like `before`, like `source`, and syncs nothing.

    Only blocks that differ are written, each by itself and without reading what is around it: the
    kernel writes larger pieces of its cache back as one, and would sync them by accident.
    """
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_dir():
            (target / name).mkdir(exist_ok=True)
            continue
        old = (before / name).read_bytes() if (before / name).exists() else b""
        new = path.read_bytes()
        descriptor = os.open(target / name, os.O_RDWR | os.O_CREAT, 0o600)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for offset in range(0, len(new), 4096):
            block = new[offset : offset + 4096]
            if block != old[offset : offset + 4096]:
                os.pwrite(descriptor, block, offset)
        os.close(descriptor)


def quiet(directory):
    """Waits until a node without work has written its last witness: its files do not change."""
    deadline = Deadline(10)
    before, since = b"", time.monotonic()
    while time.monotonic() - since < 0.3:
        assert deadline.left(), "the files of an idle node go on changing"
        now = b"".join(path.read_bytes() for path in sorted(directory.glob("log/log-*")))
        if now != before:
            before, since = now, time.monotonic()


@pytest.mark.parametrize("transactions", [1, 20])
def test_what_a_start_finds_only_in_the_page_cache_is_on_the_disk_before_it_is_shown(
    make_disk, make_node, adopt, transactions
):
    """A node is killed between its write and its sync, starts again, answers, and the power fails.

    Such a moment is too short to be hit, so it is made: the files as they are after the last group
    is written lie in the page cache, over those from before it on the disk.
    """
    model = make_node().start()
    assert model.post(1, 100).status == 200
    connections = [model.connect() for _ in range(transactions)]
    for connection in connections:
        assert connection.ask("GET", "/healthz").status == 200
    quiet(model.directory)
    os.kill(model.pid, signal.SIGSTOP)
    disk = make_disk()
    node = adopt(Node(disk.path / "bank"))
    before = disk.image.parent / "before"
    shutil.copytree(model.directory, before)
    shutil.copytree(model.directory, node.directory)
    os.sync()
    for connection in connections:  # one turn reads them all: one group
        connection.send(render_request("POST", "/clientes/1/transacoes", transaction(1, "d")))
    os.kill(model.pid, signal.SIGCONT)
    for connection in connections:
        assert connection.receive().status == 200
        connection.close()
    model.kill()
    copy_into_page_cache(model.directory, before, node.directory)
    node.start()
    assert node.balance(1) == 100 - transactions
    cut(disk, node)
    disk.come_back()
    node.start()
    assert node.balance(1) == 100 - transactions
    node.stop()
    verify(node.directory)
