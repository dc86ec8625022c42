"""The contest's load test: its validation phases as they are, and its load for a few seconds.

Every virtual user opens a connection of its own, sends its requests and goes. Users begin when their
time has come, whether the earlier ones have been answered or not.
"""

import asyncio
import random
import string
import time
from collections import Counter

import pytest

from harness import LIMITS, SEED, Response, check_statement, render_request, transaction

LATENCY_MAX_S = 0.25
LOAD_SECONDS = 7
BAD = [
    b'{"valor": 1.2, "tipo": "d", "descricao": "devolve"}',
    b'{"valor": 1, "tipo": "x", "descricao": "devolve"}',
    b'{"valor": 1, "tipo": "c", "descricao": "123456789 e mais um pouco"}',
    b'{"valor": 1, "tipo": "c", "descricao": ""}',
    b'{"valor": 1, "tipo": "c", "descricao": null}',
]


async def ask(port, *request):
    """One request on a connection of its own, as the contest's users do it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(render_request(*request))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        line, *fields = head[:-4].split("\r\n")
        response = Response(int(line.split()[1]), "", [f.split(": ", 1) for f in fields], b"")
        response.body = await reader.readexactly(int(response.field("Content-Length")))
        return response
    finally:
        writer.close()


def post(port, account, valor, tipo, descricao):
    body = transaction(valor, tipo, descricao)
    return ask(port, "POST", f"/clientes/{account}/transacoes", body)


def statement(port, account):
    return ask(port, "GET", f"/clientes/{account}/extrato")


def shown(response):
    assert response.status == 200, response
    return check_statement(response)


async def concurrent_transactions(port, tipo, expected):
    answers = await asyncio.gather(*(post(port, 1, 1, tipo, "validacao") for _ in range(25)))
    assert [answer.status for answer in answers] == [200] * 25
    document = shown(await statement(port, 1))
    assert document["saldo"] == {**document["saldo"], "total": expected, "limite": 100000}


async def validate_customer(port, account):
    def entries(document):
        return [(e["valor"], e["tipo"], e["descricao"]) for e in document["ultimas_transacoes"]]

    start = shown(await statement(port, account))
    assert start["saldo"]["limite"] == LIMITS[account]
    assert start["saldo"]["total"] == 0
    for kind, text in (("c", "toma"), ("d", "devolve")):
        answer = await post(port, account, 1, kind, text)
        assert answer.status == 200
        assert answer.json()["limite"] == LIMITS[account]
    two = entries(shown(await statement(port, account)))
    assert two[:2] == [(1, "d", "devolve"), (1, "c", "toma")]
    assert account == 1 or len(two) == 2
    answer = await post(port, account, 1, "c", "danada")
    assert answer.status == 200
    four = await asyncio.gather(*(statement(port, account) for _ in range(4)))
    for document in map(shown, four):
        assert entries(document)[:3] == [(1, "c", "danada"), (1, "d", "devolve"), (1, "c", "toma")]
        assert document["saldo"]["total"] == answer.json()["saldo"]
        assert document["saldo"]["limite"] == answer.json()["limite"]
    for body in BAD:
        bad = await ask(port, "POST", f"/clientes/{account}/transacoes", body)
        assert bad.status in (422, 400)


async def validate(port):
    assert (await statement(port, 1)).status == 200  # the referee's question
    await concurrent_transactions(port, "d", -25)
    await concurrent_transactions(port, "c", 0)
    *_, customer_6 = await asyncio.gather(
        *(validate_customer(port, account) for account in LIMITS), statement(port, 6)
    )
    assert customer_6.status == 404


def test_the_contests_validation_phases_hold(node):
    asyncio.run(validate(node.port))


@pytest.mark.parametrize("round_number", range(5))
def test_the_first_requests_after_a_cold_start_are_right(make_node, round_number):
    """The first 25 concurrent requests cost 110 entries of the contest their fine."""
    node = make_node().start()
    asyncio.run(concurrent_transactions(node.port, "d", -25))
    node.stop()


async def load(port, seconds, rates):
    """Open loop: `rates` is a list of (requests a second at the end of the ramp, function of dice).

    The first half is a ramp from 1, the second half holds. Returns (latency in s, problem or None).
    """
    results, users = [], []
    dice = random.Random(SEED)
    began = time.monotonic()

    async def user(at, make_user):
        await asyncio.sleep(began + at - time.monotonic())
        start = time.monotonic()
        try:
            problem = await make_user(port, dice)
        except (OSError, EOFError, AssertionError) as error:
            problem = repr(error)
        results.append((time.monotonic() - start, problem))

    for rate, make_user in rates:
        at = 0.0
        while at < seconds:
            now = 1 + (rate - 1) * min(1, 2 * at / seconds)
            users.append(asyncio.create_task(user(at, make_user)))
            at += 1 / now
    await asyncio.gather(*users)
    return results


async def debit(port, dice):
    return judge(await move(port, dice, "d"), (200, 422))


async def credit(port, dice):
    return judge(await move(port, dice, "c"), (200,))


def move(port, dice, kind):
    text = "".join(dice.choices(string.ascii_letters + string.digits, k=10))
    return post(port, dice.randint(1, 5), dice.randint(1, 10000), kind, text)


def judge(response, statuses):
    if response.status not in statuses:
        return f"status {response.status}"
    if response.status == 200:
        document = response.json()
        if document["saldo"] < -document["limite"]:
            return f"inconsistent: {document}"
    return None


async def look(port, dice):
    shown(await statement(port, dice.randint(1, 5)))  # checks saldo >= -limite too


@pytest.mark.limit(90)
def test_the_contests_load_is_answered_right_and_in_time(node):
    rates = [(220, debit), (110, credit), (10, look)]
    results = asyncio.run(load(node.port, LOAD_SECONDS, rates))
    problems = Counter(problem for _, problem in results if problem)
    assert not problems, problems
    in_time = sum(latency < LATENCY_MAX_S for latency, _ in results)
    assert len(results) > 1000
    assert 100 * in_time / len(results) >= 98, sorted(latency for latency, _ in results)[-20:]
