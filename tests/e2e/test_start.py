"""A node that is starting: it answers at once that it cannot yet, and never anything wrong."""

import socket

from harness import ConnectionEnded, Deadline, transaction, verify
from test_old import fill


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(node, *request):
    """The answer, or None while nobody listens."""
    try:
        return node.ask(*request)
    except (OSError, ConnectionEnded):
        return None


def test_requests_during_a_start_are_answered_right_or_with_503(make_node):
    node = make_node()
    node.port = free_port()
    node.listen = f"127.0.0.1:{node.port}"
    node.start()
    fill(node, 20000)
    assert node.post(1, 100).status == 200
    balance = 100
    early = 0
    number = 0
    while number < 6 or (early == 0 and number < 100):  # until a request has come early enough
        number += 1
        node.kill() if number % 2 else node.stop()
        node.spawn()
        deadline, ready = Deadline(20), False
        while not ready:
            assert deadline.left()
            answer = ask(node, "POST", "/clientes/1/transacoes", transaction())
            if answer is not None and answer.status == 200:
                balance += 1
                assert answer.json()["saldo"] == balance
                ready = True
            elif answer is not None:
                assert (answer.status, answer.problem_type) == (503, "not-accepted")
                early += 1
            shown = ask(node, "GET", "/clientes/1/extrato")
            if shown is not None and shown.status == 200:
                assert shown.json()["saldo"]["total"] == balance
            health = ask(node, "GET", "/healthz")
            assert health is None or health.status == 200
        assert node.wait_ready()
        assert node.ask("GET", "/readyz").status == 200
    assert early > 0, "no request came early enough to be told 503"
    node.stop()
    verify(node.directory)
