"""The history checker itself: it passes what is right and finds each planted fault.

Histories are made by a bank that takes effect at one random moment between a request and its answer,
which is what linearizable means. Small ones are also held against a search through all orders.
"""

import random
from copy import copy
from dataclasses import replace
from itertools import count
from math import inf
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import records
from checker import (ABSENT, ACCEPTED, CREDIT, DEBIT, REFUSED, SHOWN, STATEMENT, UNKNOWN, Operation,
                     check)  # fmt: skip

LIMIT = 50


def make_history(seed, clients=4, size=60, amount_max=40):
    """A linearizable history of one account: clients that ask one thing after the other."""
    dice = random.Random(seed)
    numbers = count()
    pending = []
    for client in range(clients):
        now = dice.random()
        for _ in range(size // clients):
            kind = dice.choice([CREDIT, DEBIT, DEBIT, STATEMENT])
            operation = Operation(1, kind, invoked=now, key=f"k{next(numbers)}")
            if kind != STATEMENT:
                operation.amount = dice.randint(1, amount_max)
                operation.description = f"d{operation.key}"
            moment = now + dice.random()
            operation.returned = moment + dice.random()
            pending.append((moment, operation))
            now = operation.returned + dice.random() * 0.2
    bank = SimpleNamespace(balance=0, writes=[])
    for moment, operation in sorted(pending, key=lambda pair: pair[0]):
        take_effect(bank, operation, moment)
    return [operation for _, operation in pending]


def take_effect(bank, operation, moment):
    operation.limit = LIMIT
    if operation.kind == STATEMENT:
        operation.outcome = SHOWN
        operation.entries = tuple(reversed(bank.writes[-10:]))
    elif bank.balance + operation.delta < -LIMIT:
        operation.outcome = REFUSED
    else:
        operation.outcome = ACCEPTED
        bank.balance += operation.delta
        entry = (operation.kind, operation.amount, operation.description, f"t{moment}")
        bank.writes.append(entry)
    operation.place, operation.balance = len(bank.writes), bank.balance


def problems_of(history, journal=None):
    return check(history, {1: LIMIT}, journal)


def writes_of(history):
    return sorted((o for o in history if o.outcome == ACCEPTED), key=lambda o: o.place)


def make_journal(history):
    """The journal that a right bank would have: a record for each decision."""
    journal = records.Journal.__new__(records.Journal)
    journal.records = []
    for index, operation in enumerate(o for o in history if o.outcome in (ACCEPTED, REFUSED)):
        kind = {REFUSED: 7}.get(operation.outcome, 5 if operation.kind == CREDIT else 6)
        identity = records.command_id(1, operation.key)
        journal.records.append(
            records.Record(index, kind, operation.kind, 0, 1, operation.place, 0, operation.amount,
                           operation.balance, LIMIT, 0, identity, 0, operation.description)
        )  # fmt: skip
    journal.by_id = {record.id: record for record in journal.records}
    return journal


@pytest.mark.parametrize("seed", range(50))
def test_a_linearizable_history_passes(seed):
    assert problems_of(make_history(seed)) == []


@pytest.mark.parametrize("seed", range(50))
def test_a_linearizable_history_passes_when_refusals_say_no_place(seed):
    history = make_history(seed)
    for operation in history:
        if operation.outcome == REFUSED:
            operation.place = None
    assert problems_of(history) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_history_with_unknown_outcomes_passes_with_its_journal(seed):
    history = make_history(seed)
    journal = make_journal(history)
    dice = random.Random(seed)
    for operation in history:
        if operation.kind != STATEMENT and dice.random() < 0.2:
            operation.outcome, operation.returned = UNKNOWN, inf
            operation.place = operation.balance = None
    never = Operation(1, DEBIT, invoked=1.0, amount=1, key="never", description="x")
    refused_to_try = replace(never, key="absent", outcome=ABSENT, returned=2.0)
    assert problems_of([*history, never, refused_to_try], journal) == []


# Planted faults. Each function changes a right history so that no order explains it.


def plant_lost_update(history):
    """Two transactions read the same balance; the second one forgets the first."""
    second = writes_of(history)[6]
    second.balance -= writes_of(history)[5].delta


def plant_stale_read(history):
    """A statement shows the account as it was before a transaction that was answered earlier."""
    write = writes_of(history)[5]
    before = writes_of(history)[:4]
    history.append(
        Operation(1, STATEMENT, write.returned + 0.001, inf, SHOWN, 4, before[-1].balance, LIMIT,
                  entries=tuple((o.kind, o.amount, o.description, None) for o in before[::-1]))
    )  # fmt: skip


def plant_wrong_balance(history):
    writes_of(history)[3].balance += 1


def plant_wrong_balance_in_a_statement(history):
    next(o for o in history if o.outcome == SHOWN).balance -= 1


def plant_double_apply(history):
    """One request took two places; the client heard of the second only."""
    write = writes_of(history)[4]
    for operation in history:
        if operation.outcome == ACCEPTED and operation.place >= write.place:
            operation.balance += write.delta
            operation.place += 1


def plant_place_given_twice(history):
    twice = copy(writes_of(history)[4])
    twice.key = "twice"
    history.append(twice)


def plant_limit_broken_by_one(history):
    last = writes_of(history)[-1]
    amount = last.balance + LIMIT + 1
    history.append(
        Operation(1, DEBIT, 1e6, 1e6 + 1, ACCEPTED, last.place + 1, -LIMIT - 1, LIMIT, amount, "x", "x")
    )


def plant_refusal_at_exactly_the_limit(history):
    last = writes_of(history)[-1]
    amount = last.balance + LIMIT
    history.append(
        Operation(1, DEBIT, 1e6, 1e6 + 1, REFUSED, last.place, last.balance, LIMIT, amount, "x", "x")
    )


def plant_refusal_without_place_nor_reason(history):
    history.append(Operation(1, DEBIT, 1e6, 1e6 + 1, REFUSED, None, None, LIMIT, 1, "x", "x"))
    balance = writes_of(history)[-1].balance
    credit = Operation(1, CREDIT, 1e5, 1e5 + 1, ACCEPTED, writes_of(history)[-1].place + 1,
                       balance + 100, LIMIT, 100, "y", "y")  # fmt: skip
    history.append(credit)


def plant_effect_after_the_answer(history):
    """A transaction was answered before the one that it follows was even asked."""
    write = writes_of(history)[8]
    write.invoked, write.returned = -2.0, -1.0


def plant_effect_before_the_request(history):
    write = writes_of(history)[2]
    write.invoked, write.returned = 1e6, 1e6 + 1


def plant_statement_out_of_order(history):
    shown = next(o for o in history if o.outcome == SHOWN and len(o.entries) > 1)
    shown.entries = (shown.entries[1], shown.entries[0], *shown.entries[2:])


def plant_statement_cut_short(history):
    shown = next(o for o in history if o.outcome == SHOWN and len(o.entries) > 1)
    shown.entries = shown.entries[:-1]


def plant_two_times_of_one_transaction(history):
    first, second = [o for o in history if o.outcome == SHOWN and o.place > 3][:2]
    newest, *rest = first.entries
    first.entries = ((*newest[:3], "another"), *rest)
    second.place, second.balance = first.place, first.balance
    second.entries = (newest, *rest)


def plant_statement_of_the_future(history):
    next(o for o in history if o.outcome == SHOWN).place = 10**6


PLANTS = [value for name, value in sorted(globals().items()) if name.startswith("plant_")]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_fault_is_found(plant, seed):
    history = make_history(seed, size=100)
    assert problems_of(history) == []
    plant(history)
    assert problems_of(history) != []


def lose_an_answered_write(history, journal):
    record = journal.find(1, writes_of(history)[5].key)
    del journal.by_id[record.id]


def apply_what_was_refused(history, journal):
    refused = next(o for o in history if o.outcome == REFUSED)
    journal.find(1, refused.key).kind = 6


def apply_what_was_never_accepted(history, journal):
    write = writes_of(history)[5]
    write.outcome = ABSENT


def apply_what_nobody_asked(history, journal):
    history.remove(writes_of(history)[-1])


def change_the_amount(history, journal):
    journal.find(1, writes_of(history)[5].key).amount += 1


@pytest.mark.parametrize(
    "plant",
    [lose_an_answered_write, apply_what_was_refused, apply_what_was_never_accepted,
     apply_what_nobody_asked, change_the_amount],
    ids=lambda plant: plant.__name__,
)  # fmt: skip
def test_a_journal_that_contradicts_the_answers_is_found(plant):
    history = make_history(1, size=100)
    journal = make_journal(history)
    assert problems_of(history, journal) == []
    plant(history, journal)
    assert problems_of(history, journal) != []


# Small histories against a search through all orders.


def explained(history):
    """True if some order of these operations respects time and gives every answer."""
    return _search(list(history), (0, ()))


def _search(left, state):
    if not left:
        return True
    for operation in left:
        if any(other.returned < operation.invoked for other in left if other is not operation):
            continue
        after = _step(operation, *state)
        if after is not None:
            rest = [other for other in left if other is not operation]
            if _search(rest, after):
                return True
    return False


def _step(operation, balance, writes):
    """The state after this operation, or None if it would not be answered like this."""
    if operation.place is not None:
        if operation.place != len(writes) + (operation.outcome == ACCEPTED):
            return None
    if operation.outcome == SHOWN:
        right = operation.balance == balance and operation.entries == writes[:10]
        return (balance, writes) if right else None
    after = balance + operation.delta
    if operation.outcome == REFUSED:
        return (balance, writes) if after < -LIMIT else None
    if after < -LIMIT or operation.balance != after:
        return None
    entry = (operation.kind, operation.amount, operation.description, None)
    return after, (entry, *writes)


def disturb(history, dice):
    """Changes a few answers or times a little: the history may stay right or not."""
    for _ in range(dice.randint(0, 2)):
        operation = dice.choice(history)
        change = dice.randrange(4)
        if change == 0 and operation.place:
            operation.place += dice.choice([-1, 1])
        elif change == 1 and operation.balance is not None:
            operation.balance += dice.choice([-1, 1])
        elif change == 2:
            other = dice.choice(history)
            if (other.kind, other.amount) == (operation.kind, operation.amount):
                operation.place, other.place = other.place, operation.place
                operation.balance, other.balance = other.balance, operation.balance
                operation.entries, other.entries = other.entries, operation.entries
        else:
            length = operation.returned - operation.invoked
            operation.invoked += dice.uniform(-1.5, 1.5)
            operation.returned = operation.invoked + length * dice.choice([0.2, 1])


@settings(max_examples=1500, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_the_checker_agrees_with_a_search_through_all_orders(seed, refusals_say_their_place):
    dice = random.Random(seed)
    history = make_history(seed, clients=3, size=9, amount_max=dice.choice([1, 60, 120]))
    for operation in history:
        operation.description = "d" if operation.kind != STATEMENT else ""
        operation.entries = tuple((kind, amount, "d", None) for kind, amount, *_ in operation.entries)
    disturb(history, dice)
    if not refusals_say_their_place:
        for operation in history:
            if operation.outcome == REFUSED:
                operation.place = None
    assert (problems_of(history) == []) == explained(history)


def test_a_refusal_without_place_comes_after_the_refusals_that_were_answered_before_it():
    write = Operation(1, DEBIT, 0, 20, ACCEPTED, 1, -40, LIMIT, 40)
    after_the_write = Operation(1, DEBIT, 0, 10, REFUSED, amount=20)
    anywhere = Operation(1, DEBIT, 11, 12, REFUSED, amount=1000)
    assert problems_of([write, after_the_write, anywhere]) == []
