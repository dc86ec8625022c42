"""What an operating system does to a process: pauses, too few descriptors."""

import os
import signal

import checker
from clients import Crowd
from harness import LIMITS, ConnectionEnded, transaction, verify, wait_until
from records import Journal


def test_a_history_through_pauses_is_linearizable(make_node):
    node = make_node().start()
    crowd = Crowd(node, 6, amount_max=40000, batch=4)
    with crowd:
        for pause in range(1, 9):
            wait_until(lambda: crowd.answered > pause * 150, 30, "more answers")
            os.kill(node.pid, signal.SIGSTOP)
            answered = crowd.answered
            # Every client waits for the paused node sooner or later.
            wait_until(stands_still(crowd), 10, "the clients stand still")
            assert crowd.answered - answered < 200
            os.kill(node.pid, signal.SIGCONT)
    crowd.settle()
    node.stop()
    verify(node.directory)
    journal = Journal(node.directory).read()
    assert checker.check(crowd.operations, LIMITS, journal) == []


def stands_still(crowd):
    seen = [0, 0]

    def condition():
        seen[1] = seen[1] + 1 if seen[0] == crowd.answered else 0
        seen[0] = crowd.answered
        return seen[1] > 50

    return condition


def test_more_connections_than_descriptors_do_not_stop_the_node(make_node):
    node = make_node()
    node.prefix = ("prlimit", "--nofile=700:700")
    node.start()
    first = node.connect()
    assert first.ask("GET", "/healthz").status == 200
    others = [node.connect() for _ in range(1000)]
    for _ in range(3):
        assert first.ask("POST", "/clientes/1/transacoes", transaction()).status == 200
    for connection in others:
        connection.close()

    def served():
        try:
            return node.post(1).status == 200
        except (OSError, ConnectionEnded):
            return False

    wait_until(served, 10, "new connections are served once the others are gone")
    first.close()
    node.stop()
    verify(node.directory)
