"""A disk that hangs for longer than a request may take: nobody waits without end, nothing is told wrong."""

import time

import pytest

from harness import check_statement, render_request, transaction
from tracing import heal, needs_strace, ENVIRONMENT

DEADLINE_S = 3
HANG_S = 5
REQUESTS = 30


def hang_once(node, call_number):
    """The log's n-th write takes HANG_S seconds."""
    rule = f"inject=pwritev2:delay_enter={HANG_S * 1000000}:when={call_number}"
    node.prefix = ("strace", "-D", "-f", "-q", "-o", str(node.beside("faults")), "-e", rule)
    node.environment = ENVIRONMENT


@needs_strace
@pytest.mark.limit(90)
@pytest.mark.parametrize("call_number", [3, 5])
def test_requests_on_a_disk_that_hangs_are_told_so_in_time_and_can_be_repeated(make_node, call_number):
    node = make_node()
    hang_once(node, call_number)
    node.start()
    connections = [node.connect(20) for _ in range(REQUESTS)]
    answers, told = {}, []
    for number, connection in enumerate(connections):
        fields = {"Idempotency-Key": f"k{number}"}
        connection.send(render_request("POST", "/clientes/1/transacoes", transaction(1), fields))
        if number % 5 == 0:  # several entries, not one
            assert node.ask("GET", "/healthz").status == 200
    began = time.monotonic()
    shown = check_statement(node.ask("GET", "/clientes/1/extrato"))
    assert time.monotonic() - began < 1, "a statement needs no disk"
    for number, connection in enumerate(connections):
        answers[number] = connection.receive()
        connection.close()
    took = time.monotonic() - began
    assert took < HANG_S - 0.5, f"the last answer came after {took:.1f} s"
    for answer in answers.values():
        if answer.status == 200:
            continue
        told.append(answer.problem_type)
        assert answer.status == 503 and told[-1] in ("not-accepted", "outcome-unknown")
        assert took > DEADLINE_S - 0.5 and answer.since
    assert told, "the disk did not hang"
    assert "outcome-unknown" in told
    done = sum(answer.status == 200 for answer in answers.values())
    assert shown["saldo"]["total"] <= done
    heal_and_repeat(node, answers)


def heal_and_repeat(node, answers):
    """Each is asked again with key and since until it is answered: all are done, each once."""
    places = set()
    for number, answer in answers.items():
        fields = {"Idempotency-Key": f"k{number}", "Crebito-Since": answer.since}
        repeat = node.post(1, 1, "c", "teste", fields)
        while repeat.status == 503:
            repeat = node.post(1, 1, "c", "teste", fields)
        assert repeat.status == 200
        if answer.status == 200:
            assert (repeat.body, repeat.place) == (answer.body, answer.place)
        places.add(repeat.place)
    assert places == set(range(1, len(answers) + 1))
    assert node.balance(1) == len(answers)
    node.kill()
    heal(node)
    node.start()
    assert node.balance(1) == len(answers)
