"""What every fault test does after the fault: start again, ask again, and hold all answers to it."""

import re

import checker
from harness import LIMITS, render_request, transaction, verify, wait_until
from records import FILE_DONE, Journal


def load(crowd, node, answers, until_gone):
    """Runs the crowd until so many answers have come, then ends the node with `until_gone`."""
    with crowd:
        wait_until(lambda: crowd.answered >= answers or node.process.poll() is not None, 30,
                   f"{answers} answers")  # fmt: skip
        until_gone()


def metric(node, name):
    page = node.ask("GET", "/metrics").body.decode()
    return int(re.search(rf"^{name} (\d+)$", page, re.MULTILINE)[1])


def long_load(node, snapshots):
    """Credits of 1 on account 4, each a write of its own, until so many snapshots have been made.

    Pipelined, because a connection's next request begins when the earlier one has been answered.
    Returns the number of credits, all answered.
    """
    data = render_request("POST", "/clientes/4/transacoes", transaction())
    before = node.statement(4)["saldo"]["total"]
    answered = 0
    with node.connect() as connection:
        while metric(node, "crebito_snapshots_total") < snapshots:
            connection.send(data * 1000)
            for _ in range(1000):
                response = connection.receive()
                answered += 1
                assert (response.status, response.json()["saldo"]) == (200, before + answered)
    return answered


def written(node, crowd, seconds=10):
    """The journal of a running node, read until it holds every answered transaction."""
    journal = Journal(node.directory)
    wanted = [
        (operation.account, operation.key)
        for operation in crowd.operations
        if operation.outcome in (checker.ACCEPTED, checker.REFUSED)
    ]

    def complete():
        journal.read()
        opened = any(record.kind == FILE_DONE for record in journal.records)
        return opened and all(journal.find(*pair) for pair in wanted)

    wait_until(complete, seconds, "every answered transaction is in the journal's files")
    return journal


def check_answers(node, crowd):
    """On a running node: all that was ever answered is there, once, in order, and nothing else."""
    crowd.settle()
    journal = written(node, crowd)
    balances = {account: state[1] for account, state in journal.check().items()}
    for account in LIMITS:
        document = node.statement(account)
        assert document["saldo"]["total"] == balances[account]
    problems = checker.check(crowd.operations, LIMITS, journal)
    assert not problems, problems[:5]


def check_at_rest(node, crowd):
    """The same, once the node has been stopped; and `verify` agrees."""
    node.stop()
    verify(node.directory)
    journal = Journal(node.directory).read()
    journal.check()
    problems = checker.check(crowd.operations, LIMITS, journal)
    assert not problems, problems[:5]
