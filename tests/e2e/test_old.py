"""What is no longer in memory: statements and repeats that are read from the journal's files."""

import pytest

from harness import render_request, transaction, verify

RECORDS_IN_MEMORY = 65536


def fill(node, count, account=5):
    """Makes so many records, fast: answers are only counted."""
    data = render_request("POST", f"/clientes/{account}/transacoes", transaction())
    connections = [node.connect(30) for _ in range(16)]
    try:
        while count > 0:
            for connection in connections:
                connection.send(data * 100)
            for connection in connections:
                received, answers, end = b"", 0, b""
                while answers < 100 or not end.endswith(b"}"):
                    received = connection.socket.recv(1 << 20)
                    assert received, "the connection ended"
                    answers += (end + received).count(b"HTTP/1.1 200 ")
                    end = (end + received)[-12:]
                count -= 100
    finally:
        for connection in connections:
            connection.close()


def ask_old(node, first, refused, fourth):
    """Account 2's history is old; account 3's is old but for its newest transaction."""
    shown = node.statement(2)["ultimas_transacoes"]
    assert [entry["descricao"] for entry in shown] == [f"n{n}" for n in range(15, 5, -1)]
    assert node.balance(2) == sum(range(1, 16))
    shown = node.statement(3)["ultimas_transacoes"]
    assert [entry["descricao"] for entry in shown] == ["novo", "velho"]
    for key, answer, amount, kind in (("a", first, 1, "c"), ("b", refused, 10**9, "d")):
        fields = {"Idempotency-Key": key}
        repeat = node.post(4, amount, kind, "antigo", fields)
        assert (repeat.status, repeat.body, repeat.place) == (answer.status, answer.body, answer.place)
        other = node.post(4, amount + 1, kind, "antigo", fields)
        assert (other.status, other.problem["field"]) == (422, "valor")
    assert node.statement(4)["saldo"]["total"] == fourth


@pytest.mark.limit(180)
def test_what_is_older_than_the_memory_is_shown_and_repeated_all_the_same(make_node):
    node = make_node().start()
    for number in range(1, 16):
        assert node.post(2, number, "c", f"n{number}").status == 200
    node.post(3, 1, "c", "velho")
    first = node.post(4, 1, "c", "antigo", {"Idempotency-Key": "a"})
    refused = node.post(4, 10**9, "d", "antigo", {"Idempotency-Key": "b"})
    assert (first.status, refused.status) == (200, 422)
    fill(node, RECORDS_IN_MEMORY + 2000)
    node.post(3, 1, "c", "novo")
    ask_old(node, first, refused, 1)
    # Many at once: more than there are readers for.
    connections = [node.connect() for _ in range(200)]
    for connection in connections:
        connection.send(render_request("GET", "/clientes/2/extrato"))
    answers = [connection.receive() for connection in connections]
    for connection in connections:
        connection.close()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body.split(b"ultimas_transacoes")[1] for answer in answers}) == 1
    node.kill()
    node.start()
    ask_old(node, first, refused, 1)
    node.restart()
    ask_old(node, first, refused, 1)
    node.stop()
    verify(node.directory)
