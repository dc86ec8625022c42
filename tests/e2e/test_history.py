"""Concurrent clients against a node: their whole history must be linearizable, and the journal agree."""

import pytest

import checker
from clients import Crowd
from harness import LIMITS, verify, wait_until
from records import Journal


def check(node, crowd):
    """Stops the node and holds all answers against each other and against the journal."""
    node.stop()
    verify(node.directory)
    journal = Journal(node.directory).read()
    balances = {account: state[1] for account, state in journal.check().items()}
    operations = crowd.operations
    for account, limit in LIMITS.items():
        done = [o.delta for o in operations if o.account == account and o.outcome == checker.ACCEPTED]
        assert balances[account] == sum(done) >= -limit
    problems = checker.check(operations, LIMITS, journal)
    assert not problems, problems[:5]
    return operations


@pytest.mark.parametrize("accounts, amount_max, batch", [
    ((1, 2, 3, 4, 5), 10000, 1),
    ((2,), 50000, 1),  # one hot account, often at its limit
    ((1, 2), 50000, 20),
], ids=["all accounts", "one account", "pipelined"])  # fmt: skip
def test_a_history_of_concurrent_clients_is_linearizable(make_node, accounts, amount_max, batch):
    node = make_node().start()
    with Crowd(node, 8, accounts, amount_max=amount_max, repeats=0.2, batch=batch) as crowd:
        wait_until(lambda: crowd.answered > 4000, 40, "4,000 answers")
    crowd.settle()
    operations = check(node, crowd)
    outcomes = {operation.outcome for operation in operations}
    assert checker.ACCEPTED in outcomes and checker.SHOWN in outcomes
    assert amount_max < 50000 or checker.REFUSED in outcomes


def test_a_history_through_restarts_is_linearizable(make_node):
    node = make_node().start()
    crowd = Crowd(node, 6, amount_max=40000)
    for _ in range(5):
        with crowd:
            wait_until(lambda: crowd.answered > 300, 30, "300 answers")
            node.stop()
        node.start()
        crowd.settle()
    check(node, crowd)


def test_a_history_through_kills_is_linearizable(make_node):
    node = make_node().start()
    crowd = Crowd(node, 6, amount_max=40000)
    for _ in range(5):
        with crowd:
            wait_until(lambda: crowd.answered > 300, 30, "300 answers")
            node.kill()
        node.start()
        crowd.settle()
    check(node, crowd)
