"""./run.sh: the one command of the README, with its options."""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import REPOSITORY, Deadline, Asking, wait_until

SCRIPT = REPOSITORY / "run.sh"
READY = re.compile(r"http://(?:127\.0\.0\.1|localhost):(\d+)")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Bank(Asking):
    """What ./run.sh started, asked on its port."""

    def __init__(self, data):
        self.port = free_port()
        self.data = data
        self.foreground = None

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def script(self, *options, seconds=120):
        command = [str(SCRIPT), "--port", str(self.port), "--data", str(self.data), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds)

    def detach(self, *options):
        done = self.script("--detach", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert READY.search(done.stdout), done.stdout
        return done

    def stop(self):
        done = self.script("--stop")
        assert done.returncode == 0, done.stdout + done.stderr
        assert not self.listening()

    def listening(self):
        try:
            self.connect(2).close()
        except OSError:
            return False
        return True

    def run(self, *options):
        """Starts it in the foreground and waits for its ready line."""
        command = [str(SCRIPT), "--port", str(self.port), "--data", str(self.data), *options]
        self.foreground = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline, said = Deadline(120), b""
        while not READY.search(said.decode("utf-8", "replace")):
            readable, _, _ = select.select([self.foreground.stdout], [], [], deadline.left())
            assert readable, f"no ready line: {said}"
            data = os.read(self.foreground.stdout.fileno(), 4096)
            assert data, f"ended before the ready line: {said}"
            said += data

    def end(self, number=signal.SIGTERM):
        """Ends the foreground script by a signal; returns its status."""
        os.kill(self.foreground.pid, number)
        status = self.foreground.wait(30)
        self.foreground.stdout.close()
        self.foreground = None
        return status


@pytest.fixture
def ran(the_program, tmp_path):
    if not SCRIPT.exists():
        pytest.skip("run.sh is missing")
    bank = Bank(tmp_path / "data")
    yield bank
    if bank.foreground is not None:
        bank.end()
    if bank.data.exists():
        bank.script("--stop")


def test_it_serves_in_the_foreground_until_a_signal_ends_it_with_0(ran):
    for number in (signal.SIGTERM, signal.SIGINT):
        ran.run()
        assert ran.post(1, 5).status == 200
        assert ran.end(number) == 0
        wait_until(lambda: not ran.listening(), 10, "the port is free")


def test_a_restart_keeps_the_data(ran):
    ran.detach()
    assert ran.post(1, 5).json() == {"limite": 100000, "saldo": 5}
    before = ran.statement(1)["ultimas_transacoes"]
    ran.stop()
    ran.detach()
    assert ran.statement(1)["ultimas_transacoes"] == before
    ran.stop()


def test_fresh_begins_with_an_empty_bank(ran):
    ran.detach()
    ran.post(1, 5)
    ran.stop()
    ran.detach("--fresh")
    assert ran.balance(1) == 0
    ran.stop()
    ran.detach()
    assert ran.balance(1) == 0


def test_stop_without_anything_running_is_no_failure_and_starts_nothing(ran):
    done = ran.script("--stop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not ran.listening()


def test_a_second_start_beside_a_running_one_is_refused_and_does_no_harm(ran):
    ran.detach()
    ran.post(1, 5)
    other = Bank(ran.data)
    done = other.script("--detach")
    assert done.returncode != 0
    assert (done.stdout + done.stderr).strip()
    assert ran.balance(1) == 5
    assert not other.listening()


def test_a_port_that_is_taken_is_named(ran):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran.port = taken.getsockname()[1]
        done = ran.script("--detach")
    assert done.returncode != 0
    assert str(ran.port) in done.stdout + done.stderr


def test_fresh_never_wipes_a_directory_that_is_no_bank(ran):
    ran.data.mkdir()
    (ran.data / "letters").write_text("mine")
    done = ran.script("--fresh", "--detach")
    assert (ran.data / "letters").read_text() == "mine", done.stdout + done.stderr
    shutil.rmtree(ran.data)


def test_help_names_the_options(ran):
    done = subprocess.run([str(SCRIPT), "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    for option in ("--port", "--data", "--detach", "--stop", "--fresh"):
        assert option in done.stdout
    done = subprocess.run([str(SCRIPT), "--nonsense"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "nonsense" in done.stderr


def test_a_second_start_takes_less_than_a_second_of_its_own(ran):
    """Of its own: processor time of the script and all it started, which load cannot stretch much."""
    ran.detach()
    ran.post(1, 5)
    ran.stop()
    before = os.times()
    began = time.monotonic()
    ran.detach()
    wall = time.monotonic() - began
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    assert own < 1, f"{own:.2f} s of processor time, {wall:.2f} s in all"
    assert wall < 10, f"{wall:.2f} s"


def test_it_may_be_called_from_anywhere_and_through_a_link(ran, tmp_path):
    link = tmp_path / "start"
    link.symlink_to(SCRIPT)
    command = [str(link), "--port", str(ran.port), "--data", "elsewhere", "--detach"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    ran.data = Path(tmp_path / "elsewhere")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ran.data.is_dir()
    ran.post(1, 5)
    ran.stop()
