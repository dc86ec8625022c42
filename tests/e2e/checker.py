"""Decides whether a history of a bank is linearizable, from the answers that clients saw.

Every operation touches one account, so a history is linearizable if and only if each account's part
is. The answers carry a certificate, the account's own order: each accepted transaction has a place
1, 2, 3, … in its account, and a statement or a refusal says the newest place that it saw. So the
search for an order, which is hard in general, becomes a check of the order that was given:

1. Accepted transactions are exactly the places 1..K, each balance follows from the one before, and
   a debit never ends below -limit.
2. A statement at place s shows the balance after s and the transactions s, s-1, …, at most ten.
3. A refused debit at place s could not have been accepted there.
4. With all operations ordered by (place, transactions before what only looks, invocation), none
   returned before one placed earlier was invoked. One sweep with the running maximum of invocations.

A refusal without a place gets the least one that the operations around it and the balance allow.

A pass is a proof that the history is linearizable; a failure is a violation or a lying certificate.
An operation whose outcome is unknown has no end: it returned at infinity. The journal, read after
the clients have ended, says whether it happened; without one such an operation is not allowed here.
"""

import heapq
from bisect import bisect_left
from dataclasses import dataclass
from math import inf

CREDIT, DEBIT, STATEMENT = "c", "d", "statement"
UNKNOWN, ACCEPTED, REFUSED, SHOWN, ABSENT = "unknown", "accepted", "refused", "shown", "absent"
BALANCE_MAX = 2**53 - 1


@dataclass(slots=True)
class Operation:
    """What one client asked, and what it was told: all attempts with one key are one operation."""

    account: int
    kind: str
    invoked: float = 0.0
    returned: float = inf
    outcome: str = UNKNOWN
    place: int | None = None
    balance: int | None = None
    limit: int | None = None
    amount: int = 0
    description: str = ""
    key: str = ""
    since: str = ""
    entries: tuple = ()  # of a statement: (tipo, valor, descricao, realizada_em), newest first

    @property
    def delta(self):
        return self.amount if self.kind == CREDIT else -self.amount


def check(operations, limits, journal=None):
    """All violations, as sentences; empty if the history is linearizable.

    `limits` maps each account to its limit; all begin with balance 0 and no transaction. `journal`
    (records.Journal, read) holds exactly what these operations did.
    """
    problems = []
    if journal is not None:
        operations = list(join_journal(operations, journal, problems))
    accounts = {}
    for operation in operations:
        accounts.setdefault(operation.account, []).append(operation)
    for account, part in accounts.items():
        problems += [f"account {account}: {text}" for text in check_account(part, limits[account])]
    return problems


def join_journal(operations, journal, problems):
    """Settles unknown outcomes by the journal, and compares every answer with its record."""
    found = set()
    for operation in operations:
        if operation.kind == STATEMENT:
            if operation.outcome == SHOWN:
                yield operation
            continue
        record = journal.find(operation.account, operation.key)
        if record is None:
            if operation.outcome in (ACCEPTED, REFUSED):
                problems.append(f"answered, but not in the journal: {operation}")
            continue
        found.add(record.index)
        outcome = ACCEPTED if record.place and record.kind in (5, 6) else REFUSED
        if operation.outcome not in (outcome, UNKNOWN):
            problems.append(f"answered {operation.outcome}, but the journal has {record}")
        asked = (operation.kind, operation.amount, operation.description)
        if (record.type, record.amount, record.description) != asked:
            problems.append(f"asked {operation}, but the journal has {record}")
        if operation.outcome == UNKNOWN:
            operation.outcome, operation.place = outcome, record.place
            operation.balance, operation.limit = record.balance, record.limit
        elif operation.place is not None and operation.place != record.place:
            problems.append(f"answered {operation}, but the journal has {record}")
        yield operation
    for record in journal.records:
        if record.id != bytes(16) and record.index not in found:
            problems.append(f"in the journal, but nobody asked: {record}")


def check_account(operations, limit):
    """The violations within one account."""
    if any(operation.outcome == UNKNOWN and operation.kind != STATEMENT for operation in operations):
        return ["an outcome is unknown and there is no journal to settle it"]
    operations = [operation for operation in operations if operation.outcome not in (ABSENT, UNKNOWN)]
    writes = sorted((o for o in operations if o.outcome == ACCEPTED), key=lambda o: o.place)
    problems, balances = check_writes(writes, limit)
    if problems:
        return problems
    looks = [o for o in operations if o.outcome != ACCEPTED]
    times = {}
    for look in looks:
        if look.place is not None and not 0 <= look.place < len(balances):
            problems.append(f"saw a place that does not exist: {look}")
        elif look.outcome == SHOWN:
            problems += check_statement(look, limit, writes, balances, times)
        elif look.place is not None and not refusable(look, balances[look.place], limit):
            problems.append(f"refused without reason: {look}, balance {balances[look.place]}")
    if problems:
        return problems
    placed = [(o, o.place) for o in operations if o.place is not None]
    unplaced = sorted((o for o in looks if o.place is None), key=lambda o: o.invoked)
    placed += list(place_refusals(unplaced, placed, balances, limit, problems))
    return problems + list(check_order(placed))


def check_writes(writes, limit):
    """Rule 1. Returns the problems and the balance after each place, from place 0 on."""
    problems = []
    balances = [0]
    for place, write in enumerate(writes, 1):
        balance = balances[-1] + write.delta
        balances.append(balance)
        if write.place != place:
            problems.append(f"place {place} is missing or there twice: {write}")
            break
        if write.balance != balance:
            problems.append(f"the balance should be {balance}: {write}")
        if write.limit not in (None, limit):
            problems.append(f"the limit should be {limit}: {write}")
        if write.kind == DEBIT and balance < -limit:
            problems.append(f"below the limit {limit}: {write}")
    return problems, balances


def check_statement(look, limit, writes, balances, times):
    """Rule 2. `times` remembers the time that each place was first shown with."""
    if look.balance != balances[look.place]:
        yield f"shows a balance that is not {balances[look.place]}: {look}"
    if look.limit not in (None, limit):
        yield f"shows a limit that is not {limit}: {look}"
    places = range(look.place, max(0, look.place - 10), -1)
    expected = [(writes[p - 1].kind, writes[p - 1].amount, writes[p - 1].description) for p in places]
    if [entry[:3] for entry in look.entries] != expected:
        yield f"should show {expected}: {look}"
        return
    for place, entry in zip(places, look.entries):
        if times.setdefault(place, entry[3]) != entry[3]:
            yield f"place {place} had the time {times[place]} before: {look}"


def refusable(refusal, balance, limit):
    after = balance + refusal.delta
    return after > BALANCE_MAX if refusal.kind == CREDIT else after < -limit


def place_refusals(refusals, placed, balances, limit, problems):
    """Rule 3 for refusals that did not say what they saw: the least possible place for each."""
    ends = sorted((o.returned, place) for o, place in placed)
    end_times = [time for time, _ in ends]
    largest = _running((place for _, place in ends), max, 0)
    begins = sorted(((o.invoked, place - (o.outcome == ACCEPTED)) for o, place in placed), reverse=True)
    begin_times = [-time for time, _ in begins]
    smallest = _running((place for _, place in begins), min, len(balances) - 1)
    running = []  # earlier refusals that have not returned: (returned, place)
    floor = 0
    for refusal in refusals:
        while running and running[0][0] < refusal.invoked:
            floor = max(floor, heapq.heappop(running)[1])
        low = max(floor, largest[bisect_left(end_times, refusal.invoked)])
        high = smallest[bisect_left(begin_times, -refusal.returned)]
        fits = (p for p in range(low, high + 1) if refusable(refusal, balances[p], limit))
        place = next(fits, None)
        if place is None:
            problems.append(f"refused, but at no place {low}..{high} without enough: {refusal}")
            continue
        heapq.heappush(running, (refusal.returned, place))
        yield refusal, place


def _running(values, choose, first):
    """The running maximum or minimum: item n is over the first n values."""
    result = [first]
    for value in values:
        result.append(choose(result[-1], value))
    return result


def check_order(placed):
    """Rule 4: the order by places does not contradict the order in time."""
    placed = sorted(placed, key=lambda pair: (pair[1], pair[0].outcome != ACCEPTED, pair[0].invoked))
    latest = None
    for operation, _ in placed:
        if latest is not None and operation.returned < latest.invoked:
            yield f"returned before what it follows was invoked: {operation}, after {latest}"
        if latest is None or operation.invoked > latest.invoked:
            latest = operation
