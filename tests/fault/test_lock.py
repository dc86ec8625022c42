"""One process at a time works on a data directory."""

from harness import Node, run


def test_a_second_process_on_the_same_directory_is_refused_and_disturbs_nothing(node):
    node.post(1, 5)
    done = run("serve", node.directory, "--listen", "127.0.0.1:0", seconds=20)
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(node.directory) in done.stderr
    assert any(word in done.stderr for word in ("busy", "in use", "another process", "locked"))
    assert node.post(1, 5).json()["saldo"] == 10


def test_verify_does_not_read_under_a_running_node(node):
    done = run("verify", node.directory, seconds=20)
    assert done.returncode == 1
    assert done.stderr.strip()


def test_the_lock_ends_with_its_process_however_that_ends(make_node, adopt):
    node = make_node().start()
    node.post(1, 5)
    for _ in range(3):
        node.kill()
        other = adopt(Node(node.directory))
        other.starts = node.starts  # its log has a name of its own
        other.start()
        assert other.balance(1) == 5
        other.stop()
        node.starts = other.starts
        node.start()
