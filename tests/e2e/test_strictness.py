"""What a client may send, and what it is told when it may not: JSON, paths, methods, HTTP framing."""

import json
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import (AMOUNT_MAX, BODY_SIZE_MAX, FIELDS_MAX, HEAD_SIZE_MAX, ConnectionEnded,
                     check_statement, render_request, transaction)  # fmt: skip

POST = "/clientes/1/transacoes"
STATEMENT = "/clientes/1/extrato"

WITH_NODE = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def post_raw(node, body, fields=None, account=1):
    return node.ask("POST", f"/clientes/{account}/transacoes", body, fields)


# JSON

NOT_JSON = [
    b"",
    b" ",
    b"{",
    b"}",
    b"{}{}",
    b"[]",
    b"null",
    b'"text"',
    b"1",
    b'[{"valor":1,"tipo":"c","descricao":"d"}]',
    b'{"valor":1,"tipo":"c","descricao":"d"',
    b'{"valor":1,"tipo":"c","descricao":"d"}x',
    b'{"valor":1,"tipo":"c","descricao":"d"}\0',
    b'{"valor":1,"tipo":"c","descricao":"d"} {}',
    b'{"valor":1,"tipo":"c","descricao":"d",}',
    b'{,"valor":1,"tipo":"c","descricao":"d"}',
    b'{"valor":1 "tipo":"c","descricao":"d"}',
    b'{"valor"=1,"tipo":"c","descricao":"d"}',
    b'{valor:1,"tipo":"c","descricao":"d"}',
    b"{'valor':1,'tipo':'c','descricao':'d'}",
    b'{"valor":01,"tipo":"c","descricao":"d"}',
    b'{"valor":+1,"tipo":"c","descricao":"d"}',
    b'{"valor":1.,"tipo":"c","descricao":"d"}',
    b'{"valor":.5,"tipo":"c","descricao":"d"}',
    b'{"valor":1e,"tipo":"c","descricao":"d"}',
    b'{"valor":0x10,"tipo":"c","descricao":"d"}',
    b'{"valor":1_000,"tipo":"c","descricao":"d"}',
    b'{"valor":NaN,"tipo":"c","descricao":"d"}',
    b'{"valor":Infinity,"tipo":"c","descricao":"d"}',
    b'{"valor":- 1,"tipo":"c","descricao":"d"}',
    b'{"valor":tru,"tipo":"c","descricao":"d"}',
    b'{"valor":1,"tipo":"c","descricao":"d" /* no */}',
    b'{"valor":1,"tipo":"c","descricao":"a\nb"}',
    b'{"valor":1,"tipo":"c","descricao":"a\x00b"}',
    b'{"valor":1,"tipo":"c","descricao":"\\x41"}',
    b'{"valor":1,"tipo":"c","descricao":"\\u12"}',
    b'{"valor":1,"tipo":"c","descricao":"\\u12G4"}',
    b'{"valor":1,"tipo":"c","descricao":"d}',
    b'\xef\xbb\xbf{"valor":1,"tipo":"c","descricao":"d"}',
    '{"valor":1,"tipo":"c","descricao":"d"}'.encode("utf-16-le"),
    # no UTF-8
    b'{"valor":1,"tipo":"c","descricao":"\xff"}',
    b'{"valor":1,"tipo":"c","descricao":"\xc3"}',
    b'{"valor":1,"tipo":"c","descricao":"\xc0\xaf"}',
    b'{"valor":1,"tipo":"c","descricao":"\xe0\x80\xaf"}',
    b'{"valor":1,"tipo":"c","descricao":"\xed\xa0\x80"}',
    b'{"valor":1,"tipo":"c","descricao":"\xf4\x90\x80\x80"}',
    b'{"valor":1,"tipo":"c","descricao":"\x80"}',
    b'{"valor":1,"tipo":"c","descricao":"d","\xff":1}',
    b'{"valor":1,"tipo":"c","descricao":"d","x":"\xff"}',
    # keys twice
    b'{"valor":1,"valor":1,"tipo":"c","descricao":"d"}',
    b'{"valor":1,"tipo":"c","tipo":"d","descricao":"d"}',
    b'{"valor":1,"tipo":"c","descricao":"d","descricao":"d"}',
    b'{"valor":1,"v\\u0061lor":2,"tipo":"c","descricao":"d"}',
    # too deep
    b'{"valor":1,"tipo":"c","descricao":"d","x":' + b"[" * 33 + b"]" * 33 + b"}",
    b'{"valor":1,"tipo":"c","descricao":"d","x":' + b"[" * 8000,
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: ascii(body[:60]))
def test_what_is_not_one_json_object_is_400(shared_node, body):
    response = post_raw(shared_node, body)
    assert response.status == 400
    assert response.problem["detail"]


BREAKS_A_RULE = [
    ("valor", "1.0"),
    ("valor", "1.2"),
    ("valor", "1e3"),
    ("valor", "1E0"),
    ("valor", "0"),
    ("valor", "-0"),
    ("valor", "-1"),
    ("valor", '"1"'),
    ("valor", "true"),
    ("valor", "false"),
    ("valor", "null"),
    ("valor", "[]"),
    ("valor", "[1]"),
    ("valor", "{}"),
    ("valor", str(AMOUNT_MAX + 1)),
    ("valor", str(2**63)),
    ("valor", str(2**64 + 1)),
    ("valor", "1" + "0" * 400),
    ("valor", "1e-400"),
    ("tipo", '"x"'),
    ("tipo", '""'),
    ("tipo", '"C"'),
    ("tipo", '"c "'),
    ("tipo", '"c\\u0000"'),
    ("tipo", "null"),
    ("tipo", "0"),
    ("descricao", '""'),
    ("descricao", '"12345678901"'),
    ("descricao", '"\\u0061\\u0061aaaaaaaaa"'),
    ("descricao", '"' + "a" * 15000 + '"'),
    ("descricao", "null"),
    ("descricao", "1"),
    ("descricao", '"\\u0000"'),
    ("descricao", '"a\\u0000b"'),
]


@pytest.mark.parametrize("field, text", BREAKS_A_RULE, ids=lambda text: text[:40])
def test_json_that_breaks_a_rule_is_422_and_names_the_field(shared_node, field, text):
    values = {"valor": "1", "tipo": '"c"', "descricao": '"d"', field: text}
    body = "{" + ",".join(f'"{name}":{value}' for name, value in values.items()) + "}"
    response = post_raw(shared_node, body.encode())
    assert response.status == 422
    assert response.problem["field"] == field


LONE_SURROGATES = [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\ud800", r"\udc00\ud800", r"\ud83e\u0041"]


@pytest.mark.parametrize("text", LONE_SURROGATES)
def test_a_lone_surrogate_is_refused(shared_node, text):
    body = f'{{"valor":1,"tipo":"c","descricao":"{text}"}}'.encode()
    response = post_raw(shared_node, body)
    assert response.status in (400, 422)
    assert response.problem["detail"]


TAKEN = [
    b' \t\r\n{ "valor" : 1 , "tipo" : "c" , "descricao" : "d" } \t\r\n',
    b'{"v\\u0061lor":1,"\\u0074ipo":"\\u0063","descricao":"\\u0064"}',
    b'{"valor":1,"tipo":"c","descricao":"\\ud83e\\udd86"}',
    b'{"valor":1,"tipo":"c","descricao":"d","x":' + b"[" * 31 + b"]" * 31 + b"}",
    b'{"valor":1,"tipo":"c","descricao":"d","x":{"valor":1,"y":[{},[],1.5e-7,"\\u00e9",true]}}',
    b'{"valor":1,"tipo":"c","descricao":"d","Valor":2,"":3}',
]


@pytest.mark.parametrize("body", TAKEN, ids=lambda body: ascii(body[:40]))
def test_any_way_to_write_the_same_json_is_taken(shared_node, body):
    assert post_raw(shared_node, body).status == 200


@WITH_NODE
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
               min_size=1, max_size=10), st.booleans())  # fmt: skip
def test_every_description_comes_back_however_it_was_escaped(shared_node, description, escaped):
    body = json.dumps({"valor": 1, "tipo": "c", "descricao": description}, ensure_ascii=escaped)
    assert post_raw(shared_node, body.encode(), account=4).status == 200
    shown = shared_node.statement(4)["ultimas_transacoes"][0]
    assert shown["descricao"] == description


@WITH_NODE
@given(st.binary(max_size=80))
def test_random_bytes_are_400_and_do_no_harm(shared_node, body):
    response = post_raw(shared_node, body)
    assert response.status in (400, 422)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(
        st.characters(blacklist_categories=["Cs"]), max_size=9), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@WITH_NODE
@given(st.fixed_dictionaries({}, optional={
    "valor": st.integers(-2, 2**54) | JSON_VALUES,
    "tipo": st.sampled_from(["c", "c", "x"]) | JSON_VALUES,
    "descricao": st.text("ab🦆", max_size=12) | JSON_VALUES,
}))  # fmt: skip
def test_json_is_accepted_exactly_when_its_fields_keep_the_rules(shared_node, document):
    amount, kind, text = (document.get(name) for name in ("valor", "tipo", "descricao"))
    good = (
        isinstance(amount, int) and not isinstance(amount, bool) and 1 <= amount <= 1000
        and kind == "c" and isinstance(text, str) and 1 <= len(text) <= 10 and "\0" not in text
    )  # fmt: skip
    if isinstance(amount, int) and amount > 1000:
        return
    response = post_raw(shared_node, json.dumps(document).encode())
    assert response.status == (200 if good else 422)
    if not good:
        assert response.problem["field"] in ("valor", "tipo", "descricao")


# Paths and methods

NO_ACCOUNTS = [
    "0", "6", "01", "001", "1x", "x1", "x", "-1", "+1", "1.0", "1e0", "0x1", "%31", "1%20", "%201", "",
    str(2**64), str(2**64 + 1), str(2**63), "9" * 100, "1/", "1//", "./1", "../clientes/1",
    "1;a", "1,2", "%D9%A1", "NaN",
]  # fmt: skip


@pytest.mark.parametrize("account", NO_ACCOUNTS)
def test_an_id_that_is_no_customers_is_404(shared_node, account):
    assert shared_node.ask("GET", f"/clientes/{account}/extrato").problem["status"] == 404
    response = shared_node.ask("POST", f"/clientes/{account}/transacoes", transaction())
    assert response.problem["status"] == 404


@pytest.mark.parametrize("body", [transaction(0), transaction(1, "x"), transaction(1, "c", ""), b"{}"])
@pytest.mark.parametrize("account", ["6", "1x"])
def test_404_comes_before_422(shared_node, account, body):
    assert post_raw(shared_node, body, account=account).problem["status"] == 404


NO_ROUTES = [
    "/", "//", "/clientes", "/clientes/", "/clientes/1", "/clientes/1/", "/clientes/1/extratos",
    "/clientes/1/extrato/", "/clientes/1/EXTRATO", "/Clientes/1/extrato", "/clientes/1/extrato/x",
    "//clientes/1/extrato", "/clientes//extrato", "/clientes/1%2fextrato", "/healthz/", "/metrics/x",
    "/clientes/1/transacoe", "/clientes/1/transacoess", "/.%2e/", "/favicon.ico",
]  # fmt: skip


@pytest.mark.parametrize("target", NO_ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_route_is_404_with_every_method(shared_node, target, method):
    body = transaction() if method == "POST" else None
    assert shared_node.ask(method, target, body).problem["status"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "TRACE", "X-Y"])
@pytest.mark.parametrize("target", [STATEMENT, "/healthz", "/readyz", "/metrics"])
def test_a_wrong_method_is_405_and_says_the_right_ones(shared_node, method, target):
    body = transaction() if method in ("POST", "PUT", "PATCH") else None
    response = shared_node.ask(method, target, body)
    assert response.problem["status"] == 405
    assert sorted(response.field("Allow").split(", ")) == ["GET", "HEAD"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post"])
def test_a_transaction_is_posted_and_nothing_else(shared_node, method):
    response = shared_node.ask(method, POST, transaction() if method == "PUT" else None)
    assert response.status == 405
    assert response.field("Allow") == "POST"
    if method != "HEAD":
        assert response.problem["status"] == 405


def test_a_query_is_ignored(shared_node):
    assert shared_node.ask("GET", STATEMENT + "?a=b&c").status == 200
    assert shared_node.ask("POST", POST + "?", transaction()).status == 200


@pytest.mark.parametrize("target", [STATEMENT, "/healthz", "/readyz", "/clientes/6/extrato", "/none"])
def test_head_answers_like_get_without_the_body(shared_node, target):
    with shared_node.connect() as connection:
        get = connection.ask("GET", target)
        head = connection.ask("HEAD", target)
        again = connection.ask("GET", target)
    assert head.status == get.status == again.status
    assert head.body == b""
    assert head.field("Content-Type") == get.field("Content-Type")
    assert head.field("Content-Length") == get.field("Content-Length")


BAD_KEY = {"Idempotency-Key": "a b"}
FIRST_OF_MANY = [
    (("POST", "/none", b"{", BAD_KEY), 404, "no-route"),
    (("GET", "/clientes/1x/transacoes", None, BAD_KEY), 404, "no-account"),
    (("GET", POST, None, BAD_KEY), 405, "wrong-method"),
    (("POST", "/clientes/1x/transacoes", b"{", BAD_KEY), 404, "no-account"),
    (("POST", "/clientes/6/transacoes", b"{", BAD_KEY), 400, "invalid-header"),
    (("POST", "/clientes/6/transacoes", b"{", {}), 404, "no-account"),
    (("POST", POST, b'{"valor": 0', {}), 400, "invalid-json"),
    (("POST", POST, transaction(0), {}), 422, "invalid-field"),
]


@pytest.mark.parametrize("request_made, status, kind", FIRST_OF_MANY, ids=str)
def test_of_several_faults_the_first_is_told(shared_node, request_made, status, kind):
    response = shared_node.ask(*request_made)
    assert (response.status, response.problem_type) == (status, kind)


# Framing


def test_a_body_of_exactly_16_kib_is_taken_and_one_byte_more_is_413(shared_node):
    whole = transaction() + b" " * (BODY_SIZE_MAX - len(transaction()))
    assert len(whole) == BODY_SIZE_MAX
    assert post_raw(shared_node, whole).status == 200
    assert post_raw(shared_node, whole + b" ").problem["status"] == 413


def test_a_body_that_only_says_that_it_is_too_large_is_413_at_once(shared_node):
    with shared_node.connect() as connection:
        for size in (BODY_SIZE_MAX + 1, 2**31, 2**32 + 1, 2**63, 2**64 + 1):
            with shared_node.connect() as connection:
                fields = {"Content-Length": str(size)}
                connection.send(render_request("POST", POST, b"", fields))
                response = connection.receive()
                assert response.problem["status"] == 413
                assert connection.ended()


def chunked(body, size=7, extension=b"", trailers=b""):
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return chunks + b"0\r\n" + trailers + b"\r\n"


def chunked_request(body, **options):
    fields = {"Transfer-Encoding": "chunked"}
    return render_request("POST", POST, b"", fields) + chunked(body, **options)


@pytest.mark.parametrize("options", [
    {}, {"size": 1}, {"size": 10000}, {"extension": b";a=b"}, {"extension": b';a="b;c"'},
    {"trailers": b"X-Trailer: 1\r\nY: 2\r\n"},
])  # fmt: skip
def test_a_chunked_body_is_read(shared_node, options):
    with shared_node.connect() as connection:
        for _ in range(2):
            connection.send(chunked_request(transaction(), **options))
            assert connection.receive().status == 200


def test_a_chunked_body_over_the_limit_is_413(shared_node):
    with shared_node.connect() as connection:
        connection.send(chunked_request(transaction() + b" " * BODY_SIZE_MAX, size=4096))
        assert connection.receive().problem["status"] == 413


BAD_REQUESTS = [
    (b"GET /clientes/1/extrato\r\n\r\n", {400, 505}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\n\r\n", {400}),  # no Host
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a b\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/2.0\r\nHost: a\r\n\r\n", {400, 505}),
    (b"GET /clientes/1/extrato HTTP/1.2\r\nHost: a\r\n\r\n", {400, 505}),
    (b"GET /clientes/1/extrato HTTP/1.1x\r\nHost: a\r\n\r\n", {400, 505}),
    (b"GET  /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET /clientes/1 /extrato HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"G@T /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\nHost: a\n\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n A: b\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", {400}),
    (b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nA\r\n\r\n", {400}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),  # TLS
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     b"Content-Length: 1\r\n\r\nx", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"0\r\n\r\n", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", {400, 501}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"
     b"0\r\n\r\n", {400, 501}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"x\r\n\r\n", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"1\r\nxx\r\n0\r\n\r\n", {400}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"fffffffffffffffff\r\n", {400, 413}),
    (b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx",
     {417}),
    (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * HEAD_SIZE_MAX + b"\r\n\r\n", {431}),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * FIELDS_MAX + b"\r\n", {431}),
    (b"A" * (HEAD_SIZE_MAX + 100), {400, 414, 431, 501}),
]  # fmt: skip


@pytest.mark.parametrize("data, statuses", BAD_REQUESTS, ids=lambda value: ascii(value)[:60])
def test_a_request_with_bad_framing_is_refused_and_the_connection_closed(shared_node, data, statuses):
    with shared_node.connect() as connection:
        connection.send(data)
        response = connection.receive()
        assert response.problem["status"] in statuses
        assert response.field("Connection") == "close"
        assert connection.ended()


def test_as_many_fields_as_are_allowed_are_taken(shared_node):
    fields = [(f"X-{number}", "1") for number in range(FIELDS_MAX - 1)]
    assert shared_node.ask("GET", STATEMENT, fields=fields).status == 200


def test_every_refusal_of_the_framing_leaves_the_next_connection_alone(shared_node):
    for _ in range(3):
        for data, statuses in BAD_REQUESTS:
            with shared_node.connect() as connection:
                connection.send(data)
                assert connection.receive().status in statuses
    assert shared_node.post(1).status == 200


def test_a_hundred_bad_requests_never_disturb_the_next_good_one(shared_node):
    bad = [
        ("POST", POST, b"{"),
        ("POST", POST, transaction(0)),
        ("POST", POST, transaction(1, "x")),
        ("POST", POST, transaction(1, "c", "")),
        ("POST", POST, transaction(AMOUNT_MAX, "d")),
        ("POST", "/clientes/6/transacoes", transaction()),
        ("POST", STATEMENT, transaction()),
        ("GET", "/none", None),
        ("GET", "/clientes/6/extrato", None),
        ("DELETE", POST, None),
    ]
    with shared_node.connect() as connection:
        for _ in range(10):
            for request in bad:
                response = connection.ask(*request)
                assert response.problem["status"] in (400, 404, 405, 422)
            assert connection.ask("POST", POST, transaction()).status == 200
        for request in bad * 10:
            connection.send(render_request(*request))
        connection.send(render_request("GET", STATEMENT))
        statuses = [connection.receive().status for _ in range(101)]
    assert statuses[-1] == 200
    assert set(statuses[:-1]) == {400, 404, 405, 422}


@pytest.mark.parametrize("make", [
    lambda: render_request("POST", POST, transaction(1, "c", "ação 🦆")),
    lambda: chunked_request(transaction(1, "c", "ação 🦆"), size=9, trailers=b"A: b\r\n"),
], ids=["length", "chunked"])  # fmt: skip
def test_a_request_may_be_split_at_any_byte(shared_node, make):
    data = make()
    connections = [shared_node.connect() for _ in range(1, len(data))]
    try:
        for cut, connection in enumerate(connections, 1):
            connection.send(data[:cut])
        # An answer on another connection: by now the node has read the first parts.
        assert shared_node.ask("GET", "/healthz").status == 200
        for cut, connection in enumerate(connections, 1):
            connection.send(data[cut:])
        for connection in connections:
            assert connection.receive().status == 200
    finally:
        for connection in connections:
            connection.close()


def test_a_request_may_come_byte_by_byte(shared_node):
    with shared_node.connect() as connection:
        for byte in render_request("POST", POST, transaction()):
            connection.send(bytes([byte]))
        assert connection.receive().status == 200


def test_pipelined_requests_are_answered_in_order(node):
    with node.connect() as connection:
        data = b""
        for number in range(1, 51):
            data += render_request("POST", POST, transaction(number, "c", f"n{number}"))
            data += render_request("GET", STATEMENT)
        connection.send(data)
        balance = 0
        for number in range(1, 51):
            balance += number
            written = connection.receive()
            assert written.json()["saldo"] == balance and written.place == number
            shown = connection.receive()
            assert check_statement(shown)["saldo"]["total"] == balance
            assert shown.json()["ultimas_transacoes"][0]["descricao"] == f"n{number}"


def test_a_pipeline_that_is_not_read_does_not_stop_the_node(shared_node):
    with shared_node.connect() as greedy:
        greedy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.socket.settimeout(0.5)
        request = render_request("GET", STATEMENT) * 100
        try:
            for _ in range(2000):
                greedy.send(request)
        except TimeoutError:
            pass  # the node takes no more: as it should
        else:
            pytest.fail("the node took 200,000 requests whose answers nobody reads")
        assert shared_node.post(1).status == 200


def test_connections_are_kept_alive_unless_the_client_says_close(shared_node):
    with shared_node.connect() as connection:
        for _ in range(3):
            assert connection.ask("GET", STATEMENT).field("Connection") != "close"
        response = connection.ask("GET", STATEMENT, fields={"Connection": "close"})
        assert response.field("Connection") == "close"
        assert connection.ended()


def test_http_1_0_is_answered_and_closed(shared_node):
    with shared_node.connect() as connection:
        response = connection.ask("POST", POST, transaction(), version="1.0")
        assert response.status == 200
        assert connection.ended()


def test_http_1_0_is_kept_alive_when_it_asks_for_it(shared_node):
    with shared_node.connect() as connection:
        for _ in range(2):
            fields = {"Connection": "keep-alive"}
            response = connection.ask("GET", STATEMENT, fields=fields, version="1.0")
            assert response.status == 200
            if response.field("Connection") != "keep-alive":
                assert connection.ended()
                return


def test_expect_100_continue_is_answered_before_the_body(shared_node):
    body = transaction()
    request = render_request("POST", POST, body, {"Expect": "100-continue"})
    with shared_node.connect() as connection:
        for _ in range(2):
            connection.send(request[: -len(body)])
            assert connection.receive().status == 100
            connection.send(body)
            assert connection.receive().status == 200
        connection.send(request)  # the client did not wait
        response = connection.receive()
        if response.status == 100:
            response = connection.receive()
        assert response.status == 200


def test_expect_100_continue_with_a_body_too_large_is_413_and_not_100(shared_node):
    fields = {"Expect": "100-continue", "Content-Length": str(BODY_SIZE_MAX + 1)}
    with shared_node.connect() as connection:
        connection.send(render_request("POST", POST, b"", fields))
        assert connection.receive().problem["status"] == 413


def test_slow_heads_and_bodies_are_408_and_do_not_hold_others_up(shared_node):
    request = render_request("POST", POST, transaction())
    head = request.index(b"\r\n\r\n") + 4
    slow = [shared_node.connect(30) for _ in range(4)]
    began = time.monotonic()
    try:
        for connection, size in zip(slow, (1, head - 1, head, len(request) - 1)):
            connection.send(request[:size])
        assert shared_node.post(1).status == 200
        for connection in slow:
            response = connection.receive()
            assert response.problem["status"] == 408
            assert response.field("Connection") == "close"
            assert connection.ended()
        assert 1 < time.monotonic() - began < 20
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_goes_away_in_the_middle_disturbs_nobody(shared_node):
    request = render_request("POST", POST, transaction())
    for size in range(1, len(request) + 1, 3):
        with shared_node.connect() as connection:
            connection.send(request[:size])
            linger = (1).to_bytes(4, "little") + bytes(4)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # RST
    assert shared_node.post(1).status == 200


def test_a_half_closed_connection_still_gets_its_answer(shared_node):
    with shared_node.connect() as connection:
        connection.send(render_request("POST", POST, transaction()))
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            assert connection.receive().status == 200
        except ConnectionEnded as ended:
            pytest.fail(str(ended))


def test_hundreds_of_connections_at_once_are_all_answered(shared_node):
    connections = [shared_node.connect() for _ in range(400)]
    try:
        for connection in connections:
            connection.send(render_request("POST", "/clientes/3/transacoes", transaction()))
        assert {connection.receive().status for connection in connections} == {200}
    finally:
        for connection in connections:
            connection.close()
