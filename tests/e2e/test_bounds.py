"""Beyond a limit the answer comes at once, and what is within it goes on."""

import pytest

from harness import ConnectionEnded, render_request, run, transaction

BUFFERS_MAX = 1024
HALF = b"POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"


def test_half_requests_beyond_the_buffers_are_told_503_and_the_others_go_on(make_node):
    node = make_node().start()
    busy = node.connect()
    assert busy.ask("GET", "/healthz").status == 200
    halves = [node.connect() for _ in range(BUFFERS_MAX + 50)]
    try:
        for connection in halves:
            connection.send(HALF)
        refused = 0
        for connection in reversed(halves):
            connection.socket.settimeout(0.05)
            try:
                answer = connection.receive()
            except TimeoutError:
                continue
            except ConnectionEnded:
                refused += 1
                continue
            assert answer.problem["status"] in (503, 408)
            refused += answer.status == 503
            if refused >= 20:
                break
        assert refused >= 20
    finally:
        for connection in halves:
            connection.close()
    assert busy.ask("POST", "/clientes/1/transacoes", transaction()).status == 200
    busy.close()
    assert node.post(1).status == 200


def test_connections_beyond_the_limit_do_not_disturb_those_within_it(make_node):
    node = make_node()
    node.options = ("--connections-max", "20")
    node.start()
    within = [node.connect() for _ in range(20)]
    for connection in within:
        assert connection.ask("GET", "/healthz").status == 200
    beyond = [node.connect(2) for _ in range(30)]
    for connection in within:
        assert connection.ask("POST", "/clientes/1/transacoes", transaction()).status == 200
    for connection in beyond:
        try:
            connection.send(render_request("GET", "/healthz"))
            assert connection.receive().status in (200, 503)
        except (ConnectionEnded, OSError):
            pass  # closed, or it waits in the kernel for a free place
        connection.close()
        break
    for connection in within + beyond:
        connection.close()
    assert node.post(1).status == 200


def test_an_idle_connection_is_closed_after_its_time(make_node):
    node = make_node()
    node.options = ("--idle-timeout-ms", "1000")
    node.start()
    with node.connect() as used, node.connect() as unused:
        assert used.ask("GET", "/healthz").status == 200
        assert used.ended(10)
        assert unused.ended(10)


@pytest.mark.parametrize("option", ["--connections-max", "--idle-timeout-ms", "--accounts-max"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "99999999999999999999", ""])
def test_options_outside_their_range_are_refused(make_node, option, value):
    node = make_node()
    done = run("serve", node.directory, "--listen", "127.0.0.1:0", option, value, seconds=20)
    assert done.returncode in (1, 2)
    assert done.stderr.strip() and done.stdout == ""
