"""SIGTERM while clients are sending: every request that was sent is answered, then the node is gone."""

import os
import signal
import threading
import time

import pytest

from harness import ConnectionEnded, transaction, verify, wait_until
from records import Journal


class Sender(threading.Thread):
    """Sends one transaction after the other until an answer says that the connection closes."""

    def __init__(self, node, account):
        super().__init__(daemon=True)
        self.connection = node.connect()
        self.target = f"/clientes/{account}/transacoes"
        self.keys = []
        self.failure = None

    def run(self):
        try:
            while True:
                response = self.connection.ask("POST", self.target, transaction())
                if response.status != 200:
                    self.failure = f"answered {response}"
                    return
                self.keys.append(response.key)
                if response.field("Connection") == "close":
                    return
        except (OSError, ConnectionEnded) as error:
            self.failure = f"after {len(self.keys)} answers: {error!r}"
        finally:
            self.connection.close()


@pytest.mark.parametrize("round_number", range(3))
def test_no_request_fails_when_a_node_is_stopped_under_load(make_node, round_number):
    node = make_node().start()
    senders = [Sender(node, 1 + number % 5) for number in range(12)]
    for sender in senders:
        sender.start()
    wait_until(lambda: sum(len(sender.keys) for sender in senders) > 500, 30, "500 answers")
    os.kill(node.pid, signal.SIGTERM)
    for sender in senders:
        sender.join(20)
    assert [sender.failure for sender in senders if sender.failure] == []
    assert node.wait() == 0
    journal = Journal(node.directory).read()
    keys = [(1 + n % 5, key) for n, sender in enumerate(senders) for key in sender.keys]
    assert all(journal.find(*pair) for pair in keys)
    assert len([record for record in journal.records if record.place]) == len(keys)
    verify(node.directory)


def test_a_stopping_node_closes_idle_connections_and_ends_soon(make_node):
    node = make_node().start()
    idle = [node.connect() for _ in range(20)]
    for connection in idle[:10]:
        assert connection.ask("GET", "/healthz").status == 200
    began = time.monotonic()
    node.stop(10)
    assert time.monotonic() - began < 5
    for connection in idle:
        assert connection.ended()
        connection.close()


def test_a_stopping_node_does_not_wait_for_a_client_that_never_ends_its_request(make_node):
    node = make_node().start()
    with node.connect() as slow, node.connect() as deaf:
        slow.send(b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Le")
        deaf.send(b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n" * 20000)
        node.stop(30)
    verify(node.directory)


def test_a_second_signal_does_no_harm(make_node):
    node = make_node().start()
    node.post(1)
    os.kill(node.pid, signal.SIGTERM)
    os.kill(node.pid, signal.SIGTERM)
    node.wait()
    verify(node.directory)
    node.start()
    assert node.balance(1) == 1


def test_restarts_keep_everything(make_node):
    node = make_node().start()
    for balance in range(1, 8):
        assert node.post(2).json()["saldo"] == balance
        before = node.statement(2)["ultimas_transacoes"]
        node.restart()
        assert node.statement(2)["ultimas_transacoes"] == before


def test_a_restart_is_quick(make_node):
    node = make_node().start()
    node.post(1)
    took = []
    for _ in range(3):
        node.stop()
        began = time.monotonic()
        node.start()
        took.append(time.monotonic() - began)
    assert min(took) < 2, took
