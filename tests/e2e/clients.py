"""Clients that ask random things at the same time and record every answer for the checker.

A client keeps its connection, gives each transaction a key and the last Crebito-Since it saw, and
remembers what was not answered: `settle` asks for it again, with the same key and since, until each
has a definite answer. All attempts with one key are one operation: first invocation, first definite
answer; every later answer must say the same.
"""

import random
import threading
import time

from checker import ACCEPTED, CREDIT, DEBIT, REFUSED, SHOWN, STATEMENT, UNKNOWN, Operation
from harness import SEED, ConnectionEnded, Deadline, render_request, transaction

DESCRIPTIONS = ["a", "descricao", "ação", "🦆🦆", '"\\"', "1234567890"]


class Client(threading.Thread):
    """One user with one thing under way at a time. `node` is looked up anew for each connection."""

    def __init__(self, node, name, accounts, amount_max=5000, repeats=0.1, batch=1):
        super().__init__(name=name, daemon=True)
        self.node = node
        self.accounts = accounts
        self.amount_max = amount_max
        self.repeats = repeats
        self.batch = batch  # requests that are sent at once, pipelined
        self.dice = random.Random(f"{SEED}-{name}")
        self.operations = []
        self.problems = []
        self.connection = None
        self.since = ""
        self.stopping = threading.Event()
        self.answered = 0

    def run(self):
        try:
            while not self.stopping.is_set():
                if not self.step():
                    return
        except Exception as error:  # noqa: BLE001, a thread's failure must reach the test
            self.problems.append(f"{self.name}: {error!r}")
        finally:
            self.disconnect()

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def step(self):
        """Asks for one more batch. False when the node is gone."""
        operations = [self.invent() for _ in range(self.batch)]
        again = [o for o in operations if o.kind != STATEMENT and self.dice.random() < self.repeats]
        return self.attempt(operations) and (not again or self.attempt(again))

    def invent(self):
        kind = self.dice.choice([CREDIT, DEBIT, DEBIT, STATEMENT])
        operation = Operation(self.dice.choice(self.accounts), kind)
        if kind != STATEMENT:
            operation.amount = self.dice.randint(1, self.amount_max)
            operation.description = self.dice.choice(DESCRIPTIONS)
            operation.key = f"{self.name}-{len(self.operations)}"
            operation.since = self.since
        self.operations.append(operation)
        return operation

    def render(self, operation):
        target = f"/clientes/{operation.account}/"
        if operation.kind == STATEMENT:
            return render_request("GET", target + "extrato")
        body = transaction(operation.amount, operation.kind, operation.description)
        fields = {"Idempotency-Key": operation.key}
        if operation.since:
            fields["Crebito-Since"] = operation.since
        return render_request("POST", target + "transacoes", body, fields)

    def attempt(self, operations):
        """Asks once for each, and notes the answers. False when the connection failed."""
        try:
            if self.connection is None:
                self.connection = self.node.connect()
            data = b"".join(map(self.render, operations))
            for operation in operations:
                operation.invoked = operation.invoked or time.monotonic()
            self.connection.send(data)
            for operation in operations:
                self.take(operation, self.connection.receive())
        except (OSError, ConnectionEnded):
            self.disconnect()
            return False
        return True

    def take(self, operation, response):
        note(operation, response, time.monotonic(), self.problems)
        if operation.kind != STATEMENT and response.field("Crebito-Since") is not None:
            self.since = response.since
        self.answered += 1
        if response.field("Connection") == "close":
            raise ConnectionEnded(b"")

    @property
    def unanswered(self):
        return [o for o in self.operations if o.outcome == UNKNOWN and o.kind != STATEMENT]

    def settle(self, seconds=30):
        """Asks again for all that was not answered, until every outcome is known."""
        deadline = Deadline(seconds)
        for operation in self.unanswered:
            while operation.outcome == UNKNOWN:
                assert deadline.left(), f"no answer within {seconds} s: {operation}"
                self.attempt([operation])
        self.disconnect()


def note(operation, response, now, problems):
    """Takes an answer into the operation; a second definite one must say the same."""
    if response.status == 503:
        # Nothing is known: an earlier attempt may have happened even if this one did not.
        if response.problem_type not in ("not-accepted", "outcome-unknown"):
            problems.append(f"503 of an unknown type: {response}")
        return
    document = response.json()
    if operation.kind == STATEMENT:
        outcome, balance, limit = SHOWN, document["saldo"]["total"], document["saldo"]["limite"]
        operation.entries = tuple(
            (entry["tipo"], entry["valor"], entry["descricao"], entry["realizada_em"])
            for entry in document["ultimas_transacoes"]
        )
    elif response.status == 200:
        outcome, balance, limit = ACCEPTED, document["saldo"], document["limite"]
    elif response.status == 422 and response.problem_type in ("limit", "range"):
        outcome, balance, limit = REFUSED, None, None
    else:
        problems.append(f"{operation} was answered {response}")
        return
    answer = (outcome, response.place, balance, limit)
    if operation.outcome == UNKNOWN:
        operation.outcome, operation.place, operation.balance, operation.limit = answer
        operation.returned = now
    elif (operation.outcome, operation.place, operation.balance, operation.limit) != answer:
        problems.append(f"{operation} was answered differently the second time: {response}")


class Crowd:
    """Several clients at once: `with crowd:` they run; after it they have ended and said no problem.

    Their names go on from round to round, so that no key is used twice.
    """

    def __init__(self, node, count=6, accounts=(1, 2, 3, 4, 5), **options):
        self.node = node
        self.count = count
        self.options = {"accounts": accounts, **options}
        self.clients = []
        self.running = []

    def __enter__(self):
        first = len(self.clients)
        names = [f"c{first + number}" for number in range(self.count)]
        self.running = [Client(self.node, name, **self.options) for name in names]
        self.clients += self.running
        for client in self.running:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.running:
            client.stopping.set()
        for client in self.running:
            client.join(30)
            assert not client.is_alive(), f"{client.name} hangs"
        self.check()

    def check(self):
        problems = [problem for client in self.clients for problem in client.problems]
        assert not problems, problems[:5]

    def settle(self):
        """Every operation has a definite answer afterwards."""
        for client in self.clients:
            client.settle()
        self.check()

    @property
    def operations(self):
        return [operation for client in self.clients for operation in client.operations]

    @property
    def answered(self):
        """Answers that the running clients have got."""
        return sum(client.answered for client in self.running)
