"""The READMEs do what they say: their commands are run as written, in order, in one shell's state.

The convention, which readers do not notice:
- Each ```sh block is run, command by command, in the repository. ```sh skip is not (installing, cloning).
- A command that says "crebito: ready on" goes on in the background while the next ones run; the line
  `# Ctrl-C` ends the last one, and so does the end of the README. All must end with 0.
- `# => text` after a command, or on the lines below it: its output has this text.
- A ```text block right after an sh block: the whole output of that block.
- In an expected text `…` stands for anything within a line, and a line of `…` alone for any lines.
- Every command must end with 0, unless `# fails` stands behind it.
"""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import REPOSITORY, Deadline, wait_until

READMES = ["README.md", "README.pt-BR.md"]
FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
COMMAND_SECONDS = 120


def blocks(text):
    """(commands, expected output or None) of each sh block that is to be run."""
    fences = list(FENCE.finditer(text))
    for number, fence in enumerate(fences):
        if fence[1] != "sh" or "skip" in fence[2].split():
            continue
        following = fences[number + 1] if number + 1 < len(fences) else None
        adjacent = following and not text[fence.end() : following.start()].strip()
        expected = following[3] if adjacent and following[1] == "text" else None
        yield commands(fence[3]), expected


def commands(block):
    """(command, expected texts) in order: lines are joined until the shell finds them complete."""
    result, pending = [], ""
    for line in block.splitlines(keepends=True):
        if not pending and (match := re.match(r"\s*# => ?(.*)", line)) and result:
            result[-1][1].append(match[1])
            continue
        pending += line
        if pending.strip() and complete(pending):
            command, _, expected = pending.rstrip().partition("  # => ")
            result.append((command, [expected] if expected else []))
            pending = ""
    assert not pending.strip(), f"an unfinished command: {pending}"
    return result


def complete(text):
    if text.endswith("\\\n"):
        return False
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    return done.returncode == 0 and not done.stderr


def pattern(expected):
    """The expected text as a regular expression: `…` within a line, and lines of `…`."""
    lines = []
    for line in expected.rstrip("\n").split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append("[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ \t]*\n")
    return "".join(lines)


class Shell:
    """Runs commands one by one; variables and the directory pass from one to the next."""

    def __init__(self, directory, state):
        self.directory = directory
        self.state = state
        self.state.write_text("")
        self.background = []

    def run(self, command):
        """The output, once the command has ended or said that it is ready."""
        keep = f"trap 'cd_to=$PWD; declare -p > {self.state} 2>/dev/null' EXIT"
        load = f'. {self.state} 2>/dev/null; cd "${{cd_to:-.}}"'
        process = subprocess.Popen(
            ["bash", "-c", f"{load}\n{keep}\n{command}"], cwd=self.directory, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            stdin=subprocess.DEVNULL, env={**os.environ, "CREBITO_DATA": str(self.directory / "data")},
        )  # fmt: skip
        output = []
        reader = threading.Thread(target=lambda: output.extend(iter(process.stdout.readline, "")))
        reader.daemon = True
        reader.start()
        ready = "crebito: ready on"
        wait_until(
            lambda: process.poll() is not None or any(ready in line for line in list(output)),
            COMMAND_SECONDS, f"{command!r} has ended or is ready: {output}",
        )  # fmt: skip
        if process.poll() is None:
            self.background.append((command, process))
        else:
            deadline = Deadline(2)  # a detached child may hold the pipe
            while reader.is_alive() and deadline.left():
                reader.join(0.05)
            fails = command.rstrip().endswith("# fails")
            assert (process.returncode != 0) == fails, f"{command}: {process.returncode} {output}"
        return "".join(output)

    def interrupt(self):
        """Ctrl-C: the signal goes to all processes of the command."""
        command, process = self.background.pop()
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(30)
        assert status == 0, f"{command} ended with {status} after Ctrl-C"


def test_the_convention_is_understood():
    text = (
        "```sh\necho a \\\n  b   # => a…b\n# => a\ncat <<X\n1\nX\n```\n\n```text\na b\n…\n```\n"
        "```sh skip\nno\n```\n```c\nint\n```\n"
    )
    (found,) = blocks(text)
    assert [command for command, _ in found[0]] == ["echo a \\\n  b ", "cat <<X\n1\nX"]
    assert found[0][0][1] == ["a…b", "a"]
    assert re.fullmatch(pattern(found[1]), "a b\nx\ny\n")
    assert not re.fullmatch(pattern(found[1]), "a c\n")
    assert re.search(pattern("x…z"), "1 xyz\n")


@pytest.mark.limit(300)
@pytest.mark.parametrize("name", READMES)
def test_the_commands_of_the_readme_do_what_it_says(the_program, tmp_path, name):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 9999))
        except OSError:
            pytest.skip("port 9999 is taken")
    directory = tmp_path / "crebito"  # the repository, without the data of whoever uses it
    directory.mkdir()
    for path in REPOSITORY.iterdir():
        if path.name not in ("data", ".git"):
            (directory / path.name).symlink_to(path)
    shell = Shell(directory, tmp_path / "state")
    found = list(blocks((REPOSITORY / name).read_text()))
    assert found, "no sh block"
    try:
        for block, expected in found:
            output = ""
            for command, texts in block:
                if command.strip() == "# Ctrl-C":
                    shell.interrupt()
                    continue
                said = shell.run(command)
                output += said
                for text in texts:
                    assert re.search(pattern(text), said + "\n"), f"{command}: {said!r}, not {text!r}"
            if expected is not None:
                assert re.fullmatch(pattern(expected), output), f"{output!r}, not {expected!r}"
    finally:
        while shell.background:
            shell.interrupt()
        if (directory / "run.sh").exists():
            shell.run("./run.sh --stop")
