"""kill -9 at each write and sync, during a start and under load; then a power cut after the restart."""

import os
import signal
import subprocess

import pytest

from clients import Crowd
from harness import BINARY, ConnectionEnded, Node, init, run, verify, wait_until
from rounds import check_answers, check_at_rest
from tracing import ENVIRONMENT, heal, inject, needs_strace

DURABILITY_CALLS = ("fdatasync", "fsync", "pwritev2", "pwrite64", "rename", "renameat", "renameat2")
POINTS_MAX = 60


@needs_strace
@pytest.mark.limit(180)
def test_a_start_may_be_killed_at_every_write_and_sync(make_disk, make_node):
    disk = make_disk()
    node = make_node(parent=disk.path).start()
    for _ in range(3):
        assert node.post(1).status == 200
    node.kill()
    for point in range(1, POINTS_MAX):
        inject(node, DURABILITY_CALLS, "signal=SIGKILL", point)
        node.spawn()
        survived = node.wait_ready()
        node.kill()
        heal(node)
        if point % 2:
            disk.cut()
        node.start()
        assert node.balance(1) == 3
        disk.shutdown()
        node.kill()
        disk.come_back()
        verify(node.directory)
        if survived:
            break
    assert point > 3, "a start that writes and syncs nothing trusts the page cache"
    assert survived, f"more than {POINTS_MAX} writes and syncs in a start"
    node.start()
    assert node.balance(1) == 3


@needs_strace
@pytest.mark.limit(180)
def test_a_node_under_load_may_be_killed_at_every_write_and_sync(make_disk, make_node):
    disk = make_disk()
    node = make_node(parent=disk.path)
    crowd = Crowd(node, 4, amount_max=30000)
    for point in [*range(1, 12), 15, 20, 30, 45]:
        inject(node, DURABILITY_CALLS, "signal=SIGKILL", point)
        node.spawn()
        if node.wait_ready():
            with crowd:
                wait_until(lambda: node.process.poll() is not None, 30, f"killed at call {point}")
        node.kill()
        heal(node)
        node.start()
        crowd.settle()
        for account in (1, 2, 3, 4, 5):
            node.statement(account)
        disk.shutdown()
        node.kill()
        disk.come_back()
        if point % 3 == 0:
            node.start()
            check_answers(node, crowd)
            node.stop()
    node.start()
    check_at_rest(node, crowd)


@needs_strace
@pytest.mark.limit(120)
def test_a_stop_may_be_killed_at_every_write_and_sync(make_disk, make_node):
    """A stop settles the journal: flush, sync, manifest, rename, directory, then the log's last group."""
    disk = make_disk()
    node = make_node(parent=disk.path)
    balance, clean, killed = 0, 0, 0
    for point in range(1, POINTS_MAX):
        inject(node, DURABILITY_CALLS, "signal=SIGKILL", point)
        node.spawn()
        if node.wait_ready():
            try:
                for _ in range(4):
                    assert node.post(1).status == 200
                    balance += 1
                node.process.terminate()
            except (OSError, ConnectionEnded):
                pass  # killed before the stop: the one under way may have happened or not
        status = node.wait()
        assert status in (0, -signal.SIGKILL), node.log
        clean = clean + 1 if status == 0 else 0
        killed += status != 0
        heal(node)
        if point % 2:
            disk.cut()
        verify(node.directory)
        node.start()
        shown = node.balance(1)
        assert balance <= shown <= balance + 1
        balance = shown
        node.kill()
        if clean == 3:
            break
    assert killed > 5 and clean == 3, (killed, clean)


def killed_init(directory, point):
    """Runs init and kills it at the n-th call; returns its status."""
    rule = f"inject={','.join(DURABILITY_CALLS)}:signal=SIGKILL:when={point}"
    command = ["strace", "-f", "-q", "-o", "/dev/null", "-e", rule, BINARY, "init", directory]
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, timeout=30)
    return done.returncode


def calls_of_init(tmp_path):
    """How many durability calls an init makes."""
    output = tmp_path / "calls"
    command = ["strace", "-f", "-q", "-o", output, "-e", f"trace={','.join(DURABILITY_CALLS)}"]
    command += [BINARY, "init", tmp_path / "counted"]
    environment = {**os.environ, **ENVIRONMENT}
    subprocess.run([*map(str, command)], env=environment, check=True, capture_output=True, timeout=30)
    return sum(") = " in line for line in output.read_text().splitlines())


@needs_strace
@pytest.mark.limit(120)
def test_init_may_be_killed_anywhere_and_is_whole_or_not_there(the_program, adopt, tmp_path):
    """One rename makes the bank: before it there is nothing that could be served."""
    count = calls_of_init(tmp_path)
    made = []
    points = sorted({*range(1, 5), *range(5, count, count // 8), *range(count - 12, count + 2)})
    for point in points:
        directory = tmp_path / f"bank{point}"
        status = killed_init(directory, point)
        if directory.exists():
            made.append(point)
            verify(directory)
            node = adopt(Node(directory)).start()
            assert node.balance(5) == 0
            node.stop()
        else:
            done = run("serve", directory, "--listen", "127.0.0.1:0")
            assert done.returncode == 1 and "crebito init" in done.stderr
            init(directory)
            verify(directory)
    assert status == 0, f"{count} calls were counted, and the {point}th was still made"
    assert made and made[0] > 10 and made == points[points.index(made[0]) :]
