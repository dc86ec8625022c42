"""kill -9 under load, again and again: what was answered is there, once and in order."""

import random

import pytest

from clients import Crowd
from harness import SEED, verify
from rounds import check_answers, check_at_rest, load, long_load, metric

ROUNDS = 30  # for each size of batches


@pytest.mark.limit(150)
@pytest.mark.parametrize("batch", [1, 25])
def test_nothing_that_was_answered_is_lost_when_the_node_is_killed(make_node, batch):
    node = make_node().start()
    crowd = Crowd(node, 6, amount_max=30000, batch=batch)
    dice = random.Random(f"{SEED}-{batch}")
    for number in range(ROUNDS):
        load(crowd, node, dice.randint(1, 400), node.kill)
        if number % 5 == 0:
            verify(node.directory)
        node.start()
        if number % 3 == 0:
            check_answers(node, crowd)
        else:
            crowd.settle()
    check_at_rest(node, crowd)


def test_a_node_that_is_killed_as_soon_as_it_is_ready_loses_nothing(make_node):
    node = make_node().start()
    for balance in range(1, 16):
        answer = node.post(1)
        assert answer.json()["saldo"] == balance
        node.kill()
        node.start()
        assert node.balance(1) == balance
        node.kill()
        node.start()
    assert node.statement(1)["saldo"]["total"] == balance


def test_a_node_that_is_killed_while_it_starts_loses_nothing(make_node):
    node = make_node().start()
    for _ in range(5):
        node.post(1)
    node.kill()
    dice = random.Random(SEED)
    for _ in range(20):
        node.spawn()
        try:
            node.process.wait(dice.uniform(0, 0.1))  # somewhere during the start
        except Exception:  # noqa: BLE001, still running: that is what is wanted
            pass
        node.kill()
    verify(node.directory)
    node.start()
    assert node.balance(1) == 5


@pytest.mark.limit(120)
def test_a_node_that_is_killed_after_a_snapshot_loses_nothing(make_node):
    node = make_node().start()
    answered = long_load(node, snapshots=1)
    node.kill()
    verify(node.directory)
    node.start()
    assert node.balance(4) == answered
    node.stop()
    verify(node.directory)


def test_every_start_has_a_term_of_its_own(make_node):
    """A sole voter that kept its term could write two entries with one index and term."""
    node = make_node().start()
    term = metric(node, "crebito_term")
    for end in (node.stop, node.kill, node.stop, node.stop, node.kill, node.kill):
        end()
        node.start()
        assert metric(node, "crebito_term") > term
        term = metric(node, "crebito_term")
