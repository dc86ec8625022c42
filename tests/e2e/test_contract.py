"""The API contract of the contest, sentence by sentence, and what crebito promises beyond it."""

import datetime
import json

import pytest

from harness import AMOUNT_MAX, LIMITS, check_statement, transaction


# Customers


@pytest.mark.parametrize("account, limit", LIMITS.items())
def test_the_five_customers_are_there_from_the_first_start_with_balance_0(shared_node, account, limit):
    response = shared_node.ask("GET", f"/clientes/{account}/extrato")
    document = check_statement(response)
    assert document["saldo"]["limite"] == limit
    assert document["saldo"]["total"] == 0
    assert document["ultimas_transacoes"] == []
    assert response.place == 0


def test_customer_6_does_not_exist(shared_node):
    for response in (shared_node.ask("GET", "/clientes/6/extrato"), shared_node.post(6)):
        assert response.status == 404
        assert response.problem["type"]


# Transactions


def test_a_credit_answers_exactly_the_limit_and_the_new_balance(node):
    response = node.post(1, 1000, "c", "descricao")
    assert response.status == 200
    assert response.field("Content-Type").split(";")[0] == "application/json"
    assert response.json() == {"limite": 100000, "saldo": 1000}
    assert node.post(1, 234).json() == {"limite": 100000, "saldo": 1234}


def test_a_debit_answers_the_new_balance_below_0_too(node):
    assert node.post(1, 9098, "d").json() == {"limite": 100000, "saldo": -9098}


def test_a_debit_may_reach_exactly_the_limit_and_not_one_cent_more(node):
    assert node.post(2, 80000, "d").json() == {"limite": 80000, "saldo": -80000}
    refused = node.post(2, 1, "d")
    assert refused.status == 422
    assert refused.problem_type == "limit"
    assert refused.problem["field"] == "valor"
    assert node.balance(2) == -80000


def test_a_refused_debit_changes_nothing(node):
    node.post(1, 500, "c", "antes")
    before = node.statement(1)
    refused = node.post(1, 100501, "d", "demais")
    assert refused.status == 422
    assert refused.place == 1
    after = node.statement(1)
    assert after["ultimas_transacoes"] == before["ultimas_transacoes"]
    assert after["saldo"]["total"] == 500
    assert node.post(1, 100500, "d", "justo").json()["saldo"] == -100000


def test_a_debit_beyond_every_balance_is_refused_like_any_other(node):
    assert node.post(3, AMOUNT_MAX, "d").status == 422
    assert node.balance(3) == 0


def test_accounts_do_not_touch_each_other(node):
    for account in LIMITS:
        node.post(account, account * 100)
    assert [node.balance(account) for account in LIMITS] == [100, 200, 300, 400, 500]


@pytest.mark.parametrize("field", ["valor", "tipo", "descricao"])
def test_each_field_is_required(shared_node, field):
    document = json.loads(transaction())
    del document[field]
    response = shared_node.ask("POST", "/clientes/1/transacoes", json.dumps(document).encode())
    assert response.status == 422
    assert response.problem["field"] == field


@pytest.mark.parametrize("field", ["valor", "tipo", "descricao"])
def test_a_field_that_is_null_is_refused(shared_node, field):
    document = json.loads(transaction())
    document[field] = None
    response = shared_node.ask("POST", "/clientes/1/transacoes", json.dumps(document).encode())
    assert response.status == 422
    assert response.problem["field"] == field


BAD_VALUES = [
    ("valor", 0),
    ("valor", -1),
    ("valor", 1.2),
    ("valor", "1"),
    ("valor", AMOUNT_MAX + 1),
    ("tipo", "x"),
    ("tipo", "C"),
    ("tipo", "cd"),
    ("tipo", ""),
    ("tipo", 1),
    ("descricao", ""),
    ("descricao", "12345678901"),
    ("descricao", 5),
    ("descricao", ["a"]),
]


@pytest.mark.parametrize("field, value", BAD_VALUES)
def test_a_field_outside_the_rules_is_422_and_named(shared_node, field, value):
    document = {**json.loads(transaction()), field: value}
    response = shared_node.ask("POST", "/clientes/1/transacoes", json.dumps(document).encode())
    assert response.status == 422
    assert response.problem["field"] == field


DESCRIPTIONS = [
    "a",
    "1234567890",
    "ação",
    "日本語日本語日本語日",
    "🦆" * 10,
    "e\u0301" * 5,  # two characters each
    '"\\/\b\f\n\r\t',
    "\u0001\u001f\u007f",
    "\u2028\u2029\ufeff",
    "</script>",
    " ",
]


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=ascii)
def test_a_description_of_1_to_10_characters_comes_back_as_it_was(node, description):
    assert node.post(1, 1, "c", description).status == 200
    assert node.statement(1)["ultimas_transacoes"][0]["descricao"] == description


@pytest.mark.parametrize("description", ["ã" * 11, "🦆" * 11, "e\u0301" * 5 + "e"], ids=ascii)
def test_characters_are_counted_and_not_bytes(shared_node, description):
    response = shared_node.post(1, 1, "c", description)
    assert response.status == 422
    assert response.problem["field"] == "descricao"


def test_the_order_of_fields_and_unknown_fields_do_not_matter(node):
    body = b'{"outro": {"valor": 9}, "descricao": "d", "tipo": "c", "x": [1.5, null], "valor": 7}'
    assert node.ask("POST", "/clientes/1/transacoes", body).json()["saldo"] == 7


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "?"])
def test_any_content_type_is_read_as_json(shared_node, media_type):
    fields = {"Content-Type": media_type}
    response = shared_node.ask("POST", "/clientes/5/transacoes", transaction(), fields)
    assert response.status == 200


def test_amounts_and_balances_reach_2_53_minus_1_and_not_beyond(node):
    assert node.post(1, AMOUNT_MAX).json()["saldo"] == AMOUNT_MAX
    refused = node.post(1, 1)
    assert refused.status == 422
    assert refused.problem["type"] and refused.place == 1
    assert node.post(1, AMOUNT_MAX, "d").json()["saldo"] == 0
    assert node.post(1, AMOUNT_MAX).json()["saldo"] == AMOUNT_MAX
    assert node.statement(1)["ultimas_transacoes"][0]["valor"] == AMOUNT_MAX


# Statements


def test_a_statement_shows_the_ten_latest_newest_first(node):
    for number in range(1, 14):
        node.post(4, number, "cd"[number % 2], f"n{number}")
        document = node.statement(4)
        shown = [(entry["valor"], entry["tipo"], entry["descricao"])
                 for entry in document["ultimas_transacoes"]]  # fmt: skip
        newest = range(number, max(0, number - 10), -1)
        assert shown == [(n, "cd"[n % 2], f"n{n}") for n in newest]
    assert document["saldo"] == {
        "total": sum(-n if n % 2 else n for n in range(1, 14)),
        "data_extrato": document["saldo"]["data_extrato"],
        "limite": 10000000,
    }


def test_a_statement_of_the_longest_descriptions_is_whole(node):
    for _ in range(10):
        assert node.post(4, AMOUNT_MAX // 100, "c", "\u0001" * 10).status == 200
    shown = node.statement(4)["ultimas_transacoes"]
    assert [entry["descricao"] for entry in shown] == ["\u0001" * 10] * 10


def test_times_are_this_moments_and_never_go_back(node):
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))

    before = datetime.datetime.now(datetime.timezone.utc)
    node.post(1)
    document = node.statement(1)
    after = datetime.datetime.now(datetime.timezone.utc)
    done = moment(document["ultimas_transacoes"][0]["realizada_em"])
    shown = moment(document["saldo"]["data_extrato"])
    assert before <= done <= shown <= after


def test_a_transaction_keeps_its_time_in_every_statement(node):
    node.post(1)
    first = node.statement(1)["ultimas_transacoes"]
    node.restart()
    assert node.statement(1)["ultimas_transacoes"] == first


# Beyond the contest


def test_every_answer_to_a_transaction_and_statement_says_its_place(node):
    with node.connect() as connection:
        target = "/clientes/1/transacoes"
        for place in range(1, 4):
            assert connection.ask("POST", target, transaction()).place == place
            assert connection.ask("POST", target, transaction(10**9, "d")).place == place
            assert connection.ask("GET", "/clientes/1/extrato").place == place
    assert node.post(2).place == 1


def test_every_answer_to_a_transaction_says_its_key_and_since(node):
    for response in (node.post(1), node.post(1, 10**9, "d")):
        assert response.key.startswith("node-")
        assert int(response.since) >= 0


def test_healthz_and_readyz_answer_200_on_a_ready_node(shared_node):
    assert shared_node.ask("GET", "/healthz").status == 200
    assert shared_node.ask("GET", "/readyz").status == 200


def test_accounts_come_from_the_file_that_init_was_given(make_node, tmp_path):
    file = tmp_path / "accounts"
    file.write_text(f"# id,limite\n7,0\n\n18446744073709551615,{AMOUNT_MAX}\n42,12345\n")
    node = make_node("--accounts", file).start()
    assert node.statement(7)["saldo"]["limite"] == 0
    assert node.post(7, 1, "d").status == 422
    assert node.post(7, 1, "c").json() == {"limite": 0, "saldo": 1}
    assert node.post(7, 1, "d").json() == {"limite": 0, "saldo": 0}
    assert node.statement(42)["saldo"]["limite"] == 12345
    last = 2**64 - 1
    assert node.post(last, AMOUNT_MAX, "d").json() == {"limite": AMOUNT_MAX, "saldo": -AMOUNT_MAX}
    assert node.post(last, 1, "d").status == 422
    assert node.ask("GET", "/clientes/1/extrato").status == 404
    node.restart()
    assert node.balance(last) == -AMOUNT_MAX
