"""kill -9 at each write and sync, during a start and under load; then a power cut after the restart."""

import pytest

from clients import Crowd
from harness import verify, wait_until
from rounds import check_answers, check_at_rest
from tracing import heal, inject, needs_strace

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
def test_init_may_be_killed_at_every_call_and_is_whole_or_not_there(make_node, tmp_path):
    """One rename makes the bank: before it there is nothing that could be served."""
    import os
    import subprocess

    from harness import BINARY, Node, init, run

    made = 0
    for point in range(1, 200):
        directory = tmp_path / f"bank{point}"
        rule = f"inject={','.join(DURABILITY_CALLS)}:signal=SIGKILL:when={point}"
        command = ["strace", "-f", "-q", "-o", "/dev/null", "-e", rule, str(BINARY), "init", str(directory)]
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        status = subprocess.run(command, env=environment, capture_output=True, timeout=30).returncode
        if directory.exists() and any(directory.iterdir()):
            made += 1
            verify(directory)
            node = Node(directory)
            node.start()
            assert node.balance(5) == 0
            node.stop()
        else:
            done = run("serve", directory, "--listen", "127.0.0.1:0")
            assert done.returncode == 1 and "crebito init" in done.stderr
            init(directory)
            verify(directory)
        if status == 0:
            break
    assert status == 0 and point > 3 and made >= 1
