"""Every transaction is decided once, however often it is sent, and every repeat is answered the same.

What a client has to do for it: send the Idempotency-Key again, and for certainty at any age also the
Crebito-Since of the first answer.
"""

import threading

import pytest

from harness import (AMOUNT_MAX, BODY_SIZE_MAX, WINDOW_MIN, ConnectionEnded, render_request,
                     transaction)  # fmt: skip
from records import Journal, command_id

POST = "/clientes/1/transacoes"
FIRST_LENGTH = 7  # records of a new bank: founded, five accounts, file done


def post(node, key, valor=1, tipo="c", descricao="teste", account=1, **fields):
    fields = {"Idempotency-Key": key, **{name.replace("_", "-"): v for name, v in fields.items()}}
    return node.post(account, valor, tipo, descricao, fields)


def fill(node, count, account=5):
    """Makes so many further records, pipelined."""
    data = render_request("POST", f"/clientes/{account}/transacoes", transaction())
    with node.connect() as connection:
        for start in range(0, count, 100):
            size = min(100, count - start)
            connection.send(data * size)
            assert {connection.receive().status for _ in range(size)} == {200}


def same(first, repeat):
    """Two answers that say the same about one transaction."""
    assert repeat.status == first.status
    assert repeat.body == first.body
    assert repeat.key == first.key
    assert repeat.place == first.place


# Repeats


def test_a_repeated_transaction_is_answered_the_same_and_applied_once(node):
    first = post(node, "a", 100)
    assert first.json() == {"limite": 100000, "saldo": 100}
    for _ in range(3):
        same(first, post(node, "a", 100))
    assert node.balance(1) == 100


def test_a_repeat_shows_the_balance_of_its_own_moment(node):
    first = post(node, "a", 100)
    post(node, "b", 50, "d")
    fill(node, 30, account=1)
    same(first, post(node, "a", 100))
    assert node.balance(1) == 80


def test_a_refused_transaction_stays_refused_when_it_is_repeated(node):
    first = post(node, "a", 100001, "d")
    assert (first.status, first.problem_type) == (422, "limit")
    assert post(node, "b", 1000).status == 200
    repeat = post(node, "a", 100001, "d")
    same(first, repeat)
    assert node.balance(1) == 1000
    assert post(node, "c", 100001, "d").status == 200


def test_a_credit_refused_for_its_range_stays_refused(node):
    assert post(node, "a", AMOUNT_MAX).status == 200
    first = post(node, "b", 1)
    assert first.status == 422
    assert post(node, "c", 10, "d").status == 200
    same(first, post(node, "b", 1))


def test_a_transaction_is_repeated_however_its_json_is_written(node):
    first = post(node, "a", 7, "c", "é")
    body = b'{"descricao": "\\u00e9", "tipo": "c", "x": 1, "valor": 7}'
    same(first, node.ask("POST", POST, body, {"Idempotency-Key": "a"}))
    assert node.balance(1) == 7


@pytest.mark.parametrize("field, change", [
    ("valor", {"valor": 11}), ("tipo", {"tipo": "d"}), ("descricao", {"descricao": "outra"}),
    ("descricao", {"descricao": "testf"}), ("descricao", {"descricao": "test"}),
])  # fmt: skip
def test_the_same_key_with_another_transaction_is_422_and_names_what_differs(node, field, change):
    first = post(node, "a", 10)
    other = post(node, "a", **{"valor": 10, **change})
    assert other.status == 422
    assert other.problem["field"] == field
    assert node.balance(1) == 10
    same(first, post(node, "a", 10))


def test_the_same_key_with_another_transaction_is_422_for_a_refused_one_too(node):
    assert post(node, "a", 100001, "d").status == 422
    other = post(node, "a", 1, "d")
    assert other.status == 422
    assert other.problem["field"] == "valor"
    assert node.balance(1) == 0


def test_keys_of_different_accounts_have_nothing_to_do_with_each_other(node):
    assert post(node, "a", 1, account=1).status == 200
    assert post(node, "a", 2, account=2).json()["saldo"] == 2
    assert (node.balance(1), node.balance(2)) == (1, 2)


def test_repeats_at_the_same_time_are_one_transaction(node):
    connections = [node.connect() for _ in range(40)]
    try:
        for round_number in range(10):
            request = render_request(
                "POST", POST, transaction(100), {"Idempotency-Key": f"round{round_number}"}
            )
            for connection in connections:
                connection.send(request)
            answers = [connection.receive() for connection in connections]
            assert {answer.body for answer in answers} == {
                b'{"limite":100000,"saldo":%d}' % (100 * (round_number + 1))
            }
            assert {answer.place for answer in answers} == {round_number + 1}
    finally:
        for connection in connections:
            connection.close()


def test_repeats_at_the_same_time_that_differ_are_one_transaction_too(node):
    answers = []

    def send(amount):
        answers.append((amount, post(node, "a", amount)))

    threads = [threading.Thread(target=send, args=(amount,)) for amount in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = [amount for amount, answer in answers if answer.status == 200]
    assert len(accepted) == 1
    assert node.balance(1) == accepted[0]
    others = [answer for _, answer in answers if answer.status != 200]
    assert all(answer.problem["field"] == "valor" for answer in others)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_repeat_after_a_restart_is_answered_the_same(node, end):
    first = post(node, "a", 100)
    refused = post(node, "b", 10**9, "d")
    post(node, "c", 5)
    getattr(node, end)()
    node.start()
    same(first, post(node, "a", 100))
    same(refused, post(node, "b", 10**9, "d"))
    assert post(node, "a", 101).problem["field"] == "valor"
    assert node.balance(1) == 105


# Keys


def test_the_journal_knows_the_transaction_by_account_and_key(node):
    post(node, "chave", account=3)
    anonymous = node.post(3)
    node.stop()
    journal = Journal(node.directory).read()
    assert journal.find(3, "chave").place == 1
    assert journal.find(3, anonymous.key).place == 2
    assert command_id(3, "chave") != command_id(2, "chave")


@pytest.mark.parametrize("key", ["!", "~", "a" * 128, "".join(map(chr, range(33, 127)))], ids=len)
def test_a_key_of_1_to_128_visible_ascii_characters_is_taken_and_shown(node, key):
    first = post(node, key)
    assert first.status == 200
    assert first.key == key
    same(first, post(node, key))


BAD_KEYS = ["", "a" * 129, "a b", "a\tb", "é", "🦆", "a" * 4000]


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key[:10]))
def test_any_other_key_is_400(shared_node, key):
    response = post(shared_node, key)
    assert response.status == 400
    assert response.problem["detail"]


def test_two_keys_are_400(shared_node):
    fields = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = shared_node.ask("POST", POST, transaction(), fields)
    assert response.problem["status"] == 400


def test_without_a_key_the_answer_shows_one_that_works(node):
    first = node.post(1, 10)
    second = node.post(1, 10)
    assert first.key.startswith("node-") and second.key.startswith("node-")
    assert first.key != second.key
    same(first, post(node, first.key, 10))
    same(second, post(node, second.key, 10))
    assert node.balance(1) == 20


def test_the_proxys_attempt_is_the_key_when_the_client_sends_none(node):
    first = node.post(1, 10, fields={"Crebito-Attempt": "7f3a"})
    assert first.key == "proxy-7f3a"
    same(first, node.post(1, 10, fields={"Crebito-Attempt": "7f3a"}))
    same(first, post(node, "proxy-7f3a", 10))
    assert node.balance(1) == 10


def test_the_clients_key_counts_before_the_proxys_attempt(node):
    first = post(node, "a", 10, Crebito_Attempt="7f3a")
    assert first.key == "a"
    same(first, post(node, "a", 10, Crebito_Attempt="other"))
    assert node.post(1, 10, fields={"Crebito-Attempt": "7f3a"}).json()["saldo"] == 20


@pytest.mark.parametrize("request_made", [
    lambda node, key: node.ask("POST", POST, b"{", {"Idempotency-Key": key}),
    lambda node, key: post(node, key, 0),
    lambda node, key: post(node, key, 1, "x"),
    lambda node, key: post(node, key, 1, "c", ""),
    lambda node, key: post(node, key, account=6),
    lambda node, key: node.ask("POST", POST, b" " * (BODY_SIZE_MAX + 1), {"Idempotency-Key": key}),
    lambda node, key: node.ask("DELETE", POST, None, {"Idempotency-Key": key}),
    lambda node, key: post(node, key, Crebito_Since="x"),
], ids=["syntax", "valor", "tipo", "descricao", "account", "body size", "method", "since"])  # fmt: skip
def test_a_request_that_never_reached_the_bank_leaves_its_key_unused(node, request_made):
    assert request_made(node, "a").status in (400, 404, 405, 413, 422)
    assert post(node, "a", 3).json()["saldo"] == 3
    node.stop()
    decided = [record for record in Journal(node.directory).read().records if record.place]
    assert len(decided) == 1


# Since


def test_since_grows_with_what_the_bank_has_decided(node):
    first = node.post(1).since
    fill(node, 100)
    assert int(node.post(1).since) >= int(first) + 100


def test_a_repeat_with_key_and_since_gives_the_outcome(node):
    first = post(node, "a", 10)
    for since in (first.since, "0"):
        same(first, post(node, "a", 10, Crebito_Since=since))
    assert node.balance(1) == 10


def test_a_since_of_the_future_is_no_better_than_none(node):
    first = post(node, "a", 10, Crebito_Since=str(2**63))
    assert first.status == 200
    assert int(first.since) < 1000


@pytest.mark.parametrize("since", ["", "x", "-1", "1.0", "1x", "+1", "0x1", "1 2", str(2**64)])
def test_a_since_that_is_no_number_is_400(shared_node, since):
    assert post(shared_node, "since", Crebito_Since=since).problem["status"] == 400


def unknown(response, key):
    """The answer to a request that is too old to tell."""
    assert response.status == 503
    assert response.problem_type == "outcome-unknown"
    assert response.key == key
    assert response.since


def test_an_unknown_key_with_an_old_since_is_never_decided(make_node):
    node = make_node("--window", WINDOW_MIN).start()
    since = node.post(1).since
    fill(node, WINDOW_MIN // 2 + 10)
    for _ in range(2):
        unknown(post(node, "late", 10, Crebito_Since=since), "late")
    assert node.balance(1) == 1
    assert post(node, "late", 10).status == 200


def test_a_known_key_with_an_old_since_is_answered(make_node):
    node = make_node("--window", WINDOW_MIN).start()
    first = post(node, "a", 10)
    fill(node, WINDOW_MIN // 2 + 10)
    same(first, post(node, "a", 10, Crebito_Since=first.since))
    fill(node, WINDOW_MIN // 2 - 40)
    same(first, post(node, "a", 10, Crebito_Since=first.since))
    assert node.balance(1) == 10


def test_a_repeat_with_key_and_since_is_not_decided_again_at_any_age(make_node):
    node = make_node("--window", WINDOW_MIN).start()
    first = post(node, "a", 10)
    fill(node, WINDOW_MIN + 10)
    unknown(post(node, "a", 10, Crebito_Since=first.since), "a")
    node.restart()
    unknown(post(node, "a", 10, Crebito_Since=first.since), "a")
    assert node.balance(1) == 10


def test_the_answer_to_an_old_repeat_gives_the_clients_since_back(make_node):
    node = make_node("--window", WINDOW_MIN).start()
    first = post(node, "a", 10)
    fill(node, WINDOW_MIN + 10)
    old = post(node, "a", 10, Crebito_Since=first.since)
    assert int(old.since) <= int(first.since)


@pytest.mark.parametrize("distance, decided", [(0, True), (1, False)])
def test_the_edge_of_half_the_window_is_exact(make_node, distance, decided):
    """The rule: journal length - stamp > W/2 is expired."""
    node = make_node("--window", WINDOW_MIN).start()
    fill(node, WINDOW_MIN // 2 + 100)
    node.restart()  # what was answered is applied: the node's own stamp is the length
    length = len(Journal(node.directory).read().records)
    since = length - WINDOW_MIN // 2 - distance
    response = post(node, "edge", 10, Crebito_Since=str(since))
    assert (response.status == 200) == decided, response


# The age of a request counts from its first byte, not from when the node got round to it.


def test_a_request_that_comes_slowly_is_as_old_as_its_first_byte(make_node):
    node = make_node("--window", WINDOW_MIN).start()
    assert node.post(1).status == 200
    request = render_request("POST", POST, transaction(10), {"Idempotency-Key": "slow"})
    with node.connect(30) as slow:
        slow.send(request[:20])
        assert node.ask("GET", "/healthz").status == 200  # by now the first bytes were read
        fill(node, WINDOW_MIN // 2 + 50)
        slow.send(request[20:])
        answer = slow.receive()
    unknown(answer, "slow")
    assert int(answer.since) <= FIRST_LENGTH + 1
    assert node.balance(1) == 1


def test_a_connection_that_waits_for_a_place_is_as_old_as_its_request(make_node):
    node = make_node("--window", WINDOW_MIN)
    node.options = ("--connections-max", "10")
    node.start()
    assert node.post(1).status == 200
    within = [node.connect() for _ in range(10)]
    for connection in within:
        assert connection.ask("GET", "/healthz").status == 200
    waiting = node.connect(30)
    waiting.send(render_request("POST", POST, transaction(10), {"Idempotency-Key": "waits"}))
    data = render_request("POST", "/clientes/5/transacoes", transaction()) * 100
    for _ in range(6):
        within[0].send(data)
        for _ in range(100):
            assert within[0].receive().status == 200
    for connection in within:
        connection.close()
    try:
        answer = waiting.receive()
    except ConnectionEnded:
        return  # it was not taken: nothing happened
    finally:
        waiting.close()
    assert answer.status == 503
    if answer.problem_type == "outcome-unknown":
        assert int(answer.since) <= FIRST_LENGTH + 1
    else:
        assert answer.problem_type == "overloaded"
    assert node.balance(1) == 1
