"""The age that a request is given: never younger than it is, also when it waited in the kernel."""

import selectors
import time

import pytest

from harness import render_request, transaction
from tracing import ENVIRONMENT, needs_strace

TURN_S = 0.2  # what is read in a turn was there when it began: the poll's end is this far from its start
SLACK_S = 0.1  # an answer reaches its client sooner than this
REQUESTS = 100
FIRST_LENGTH = 7  # records of a new bank


def stretch_turns(node):
    """Between the kernel's list of what can be read and the reading there is time for more to come."""
    rule = f"inject=epoll_wait,epoll_pwait,epoll_pwait2:delay_exit={int(TURN_S * 1000000)}"
    node.prefix = ("strace", "-D", "-f", "--seccomp-bpf", "-q", "-o", "/dev/null", "-e", rule)
    node.environment = ENVIRONMENT


def ask_steadily(node):
    """[(sent, answered, stamp)] of requests that begin every 15 ms, each on a connection of its own."""
    request = render_request("POST", "/clientes/1/transacoes", transaction())
    connections = [node.connect(20) for _ in range(REQUESTS)]
    for connection in connections:  # a connection's first bytes are as old as its accept
        connection.send(render_request("GET", "/healthz"))
    assert {connection.receive().status for connection in connections} == {200}
    selector = selectors.DefaultSelector()
    sent, answers = [], []
    began = time.monotonic()
    while len(answers) < REQUESTS:
        due = began + 0.015 * len(sent)
        if len(sent) < REQUESTS and time.monotonic() >= due:
            selector.register(connections[len(sent)].socket, selectors.EVENT_READ, len(sent))
            sent.append(time.monotonic())
            connections[len(sent) - 1].send(request)
            continue
        for key, _ in selector.select(max(0.001, due - time.monotonic())):
            answered = time.monotonic()
            selector.unregister(key.fileobj)
            answer = connections[key.data].receive()
            assert answer.status == 200
            answers.append((sent[key.data], answered, int(answer.since)))
            connections[key.data].close()
    return answers


@needs_strace
@pytest.mark.limit(60)
def test_a_stamp_is_never_newer_than_its_request(make_node):
    """A record that a request's stamp counts was applied before the request was sent.

    So its answer had reached its client by then, or did soon after. A stamp taken when the socket is
    read, and not a turn earlier, counts records that were applied while the request lay in the kernel.
    """
    node = make_node()
    stretch_turns(node)
    node.start()
    answers = ask_steadily(node)
    assert len({stamp for _, _, stamp in answers}) > 3, "several turns"
    for sent, _, stamp in answers:
        applied = sum(answered < sent + SLACK_S for _, answered, _ in answers)
        assert stamp <= FIRST_LENGTH + applied, (sent, stamp, applied)
