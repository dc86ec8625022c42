"""The commands: init, serve, verify, post and statement, and what they say when they refuse."""

import os
import re
import signal
import socket

import pytest

from harness import LIMITS, Node, init, run, transaction, verify, wait_until


def refused(done, *words):
    """Ended with 1 and a clear line on standard error that has these words."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.strip(), "no reason given"
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Sanitizer" not in done.stderr


# help


@pytest.mark.parametrize("command", ["", "init", "serve", "verify", "post", "statement"])
def test_help_names_the_options_and_exits_0(the_program, command):
    done = run(*([command] if command else []), "--help")
    assert done.returncode == 0
    assert done.stdout.lower().startswith("usage: crebito")
    assert done.stderr == ""
    wanted = {"init": "--accounts", "serve": "--listen", "post": "--url", "statement": "--url"}
    assert wanted.get(command, command) in done.stdout


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["init"], ["serve"], ["verify"], ["post", "1"], ["statement"], ["init", "a", "b"],
    ["serve", "--nonsense", "x"], ["init", "--nonsense", "x"], ["init", "x", "--window"],
])  # fmt: skip
def test_a_wrong_command_line_is_refused_and_says_how_it_should_be(the_program, arguments, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert done.stderr.strip()
    assert list(tmp_path.iterdir()) == []


# init


def test_init_makes_a_bank_that_verifies_before_its_first_start(the_program, tmp_path):
    init(tmp_path / "bank")
    verify(tmp_path / "bank")


def test_init_takes_an_empty_directory(the_program, tmp_path):
    (tmp_path / "bank").mkdir()
    init(tmp_path / "bank")
    verify(tmp_path / "bank")


def test_init_refuses_a_directory_that_is_not_empty_and_leaves_it_alone(the_program, tmp_path):
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "file").write_text("mine")
    refused(run("init", tmp_path / "bank"), str(tmp_path / "bank"))
    assert [path.name for path in (tmp_path / "bank").iterdir()] == ["file"]


def test_init_refuses_a_bank_that_is_there(node):
    node.post(1, 5)
    refused(run("init", node.directory))
    assert node.balance(1) == 5


def test_init_refuses_a_file_in_the_place_of_the_directory(the_program, tmp_path):
    (tmp_path / "bank").write_text("mine")
    refused(run("init", tmp_path / "bank"))
    assert (tmp_path / "bank").read_text() == "mine"


BAD_ACCOUNTS = [
    "1",
    "1,",
    ",1",
    "1,2,3",
    "x,1",
    "1,x",
    "1,-1",
    "-1,1",
    "01,1",
    "1,1.5",
    f"1,{2**53}",
    f"{2**64},1",
    "1,5\n2,6\n1,5",
    "1,5\n\x00",
]


@pytest.mark.parametrize("text", BAD_ACCOUNTS, ids=ascii)
def test_init_refuses_a_bad_file_of_accounts_names_the_line_and_makes_nothing(
    the_program, tmp_path, text
):
    file = tmp_path / "accounts"
    file.write_text(f"# comment\n{text}\n")
    done = run("init", tmp_path / "bank", "--accounts", file)
    refused(done)
    line = 1 + len(text.split("\n"))
    assert re.search(rf"\b{line}\b", done.stderr), done.stderr
    assert not (tmp_path / "bank").exists()


def test_init_refuses_a_file_of_accounts_that_is_missing(the_program, tmp_path):
    refused(run("init", tmp_path / "bank", "--accounts", tmp_path / "none"), "none")
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize("window", ["0", "-1", "x", "1023", str(2**24 + 1), str(2**64), "1e3"])
def test_init_refuses_a_window_outside_its_range(the_program, tmp_path, window):
    done = run("init", tmp_path / "bank", "--window", window)
    assert done.returncode in (1, 2) and done.stderr.strip()
    assert not (tmp_path / "bank").exists()


def test_many_accounts_are_opened(make_node, tmp_path):
    file = tmp_path / "accounts"
    file.write_text("".join(f"{number},{number * 10}\n" for number in range(1, 20001)))
    node = make_node("--accounts", file).start()
    assert node.statement(20000)["saldo"]["limite"] == 200000
    assert node.post(12345, 123450, "d").status == 200
    node.kill()
    node.start()
    assert node.balance(12345) == -123450
    node.stop()
    verify(node.directory)


# serve


def serve(directory, *options):
    return run("serve", directory, "--listen", "127.0.0.1:0", *options, seconds=20)


def test_serve_refuses_a_directory_that_is_missing_blank_or_half_made(the_program, tmp_path):
    (tmp_path / "blank").mkdir()
    (tmp_path / "half" / "journal").mkdir(parents=True)
    for name in ("missing", "blank", "half"):
        done = serve(tmp_path / name)
        refused(done, "crebito init")
        assert "ready" not in done.stdout
    assert not (tmp_path / "missing").exists()
    assert list((tmp_path / "blank").iterdir()) == []


def remove_each_part(tmp_path, make):
    """Makes a bank for each of its files, removes that file, and starts it."""
    make(tmp_path / "model")
    names = [path.relative_to(tmp_path / "model") for path in sorted((tmp_path / "model").rglob("*"))]
    for number, name in enumerate(names):
        directory = tmp_path / f"bank{number}"
        path = directory / name
        make(directory)
        if path.is_dir():
            path.rename(tmp_path / f"removed{number}")
        else:
            path.unlink()
        node = Node(directory)
        node.spawn()
        try:
            ready = node.wait_ready(10)
            yield str(name), node, ready
        finally:
            node.kill()


def test_serve_refuses_every_bank_of_which_a_part_is_missing(the_program, tmp_path):
    """A start never goes on as if nothing had been there."""

    def make(directory):
        init(directory)
        node = Node(directory).start()
        assert node.post(1, 5).status == 200
        node.kill()

    served = set()
    for name, node, ready in remove_each_part(tmp_path, make):
        if ready:
            served.add(re.sub(r"[0-9a-f]+$", "", name))
            assert node.balance(1) == 5, f"without {name}"
        else:
            assert node.wait() == 1, f"without {name}: {node.log}"
            assert " error " in node.log
    # Not needed any more, or empty; and the log has all that the journal's file had.
    assert served <= {"lock", "accounts", "log/spare-", "journal/"}, served


def test_serve_refuses_a_new_bank_of_which_a_part_is_missing(the_program, tmp_path):
    for name, node, ready in remove_each_part(tmp_path, init):
        if ready:
            assert "spare" in name or name == "lock", f"served without {name}"
        else:
            assert node.wait() == 1, f"without {name}: {node.log}"
            assert " error " in node.log


def test_serve_says_when_the_port_is_taken(make_node):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = make_node()
        done = run("serve", node.directory, "--listen", f"127.0.0.1:{port}", seconds=20)
        refused(done, str(port))
    verify(node.directory)


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1", "127.0.0.1:65536", "300.0.0.1:80", ""])
def test_serve_refuses_what_is_no_address(make_node, listen):
    node = make_node()
    done = run("serve", node.directory, "--listen", listen, seconds=20)
    assert done.returncode in (1, 2) and done.stderr.strip()


def test_serve_listens_on_several_addresses(make_node, tmp_path):
    path = tmp_path / "socket"
    node = make_node()
    node.options = ("--listen", f"unix:{path}")
    node.start()
    request = b"GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(request)
        answer = b""
        while data := client.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert node.ask("GET", "/clientes/1/extrato").status == 200
    node.restart()  # a stale socket file is no obstacle
    node.kill()
    node.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serve_with_0(make_node, number):
    node = make_node().start()
    node.post(1)
    os.kill(node.pid, number)
    assert node.wait() == 0
    node.start()
    assert node.balance(1) == 1


def test_a_signal_during_the_start_ends_serve_too(make_node):
    node = make_node()
    for _ in range(5):
        node.spawn()
        os.kill(node.pid, signal.SIGTERM)
        assert node.wait() in (0, -signal.SIGTERM)
    node.start()
    assert node.balance(1) == 0


def test_log_lines_have_a_time_a_level_and_an_event(make_node):
    node = make_node().start()
    node.post(1)
    node.stop()
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (info|warning|error) [a-z0-9-]+( [a-z-]+=(\"[^\"]*\"|[^ \"]+))*"
    lines = node.log.splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(pattern, line), line


def test_nothing_is_logged_for_a_request(node):
    wait_until(lambda: node.log, 5, "the first line of the log")
    before = node.log
    with node.connect() as connection:
        for body in (transaction(), b"{", transaction(10**9, "d")):
            connection.ask("POST", "/clientes/1/transacoes", body)
    assert node.log == before


# verify


def test_verify_says_ok_after_transactions(make_node):
    node = make_node().start()
    for account in LIMITS:
        node.post(account, 100)
        node.post(account, 10**10, "d")
    node.stop()
    verify(node.directory)
    node.start()
    node.kill()
    verify(node.directory)


def test_verify_refuses_what_is_no_bank(the_program, tmp_path):
    refused(run("verify", tmp_path))
    refused(run("verify", tmp_path / "missing"))


def test_verify_names_file_offset_and_rule_of_every_damaged_byte(make_node):
    node = make_node().start()
    for _ in range(10):
        node.post(1)
    node.stop()
    path = node.directory / "journal" / f"{0:016x}"
    whole = path.read_bytes()
    records = [n for n in range(len(whole) // 128) if whole[n * 128 : n * 128 + 128] != bytes(128)]
    for record in records[:: max(1, len(records) // 8)]:
        for place in (0, 4, 40, 100, 127):
            offset = record * 128 + place
            damaged = bytearray(whole)
            damaged[offset] ^= 1
            path.write_bytes(damaged)
            done = run("verify", node.directory)
            assert done.returncode == 1, f"byte {offset}: {done.stdout}"
            said = done.stdout + done.stderr
            assert path.name in said and str(record * 128) in said, said
    path.write_bytes(whole)
    verify(node.directory)


# client


def test_post_and_statement_speak_to_a_node(node):
    done = run("post", 1, "c", 1000, "salário", "--url", node.url)
    assert done.returncode == 0, done.stderr
    assert "1000" in done.stdout or "10.00" in done.stdout
    assert node.balance(1) == 1000
    done = run("statement", 1, "--url", node.url)
    assert done.returncode == 0, done.stderr
    assert "salário" in done.stdout


def test_post_says_why_it_was_refused(node):
    done = run("post", 1, "d", 100001, "demais", "--url", node.url)
    assert done.returncode == 1
    assert "limit" in done.stdout + done.stderr
    done = run("post", 6, "d", 1, "x", "--url", node.url)
    assert done.returncode == 1
    done = run("statement", 6, "--url", node.url)
    assert done.returncode == 1
    assert node.balance(1) == 0


def test_the_client_says_when_nobody_answers(the_program):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        for arguments in (["post", 1, "c", 1, "x"], ["statement", 1]):
            done = run(*arguments, "--url", url)
            assert done.returncode == 1
            assert done.stderr.strip()
