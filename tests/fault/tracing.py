"""strace as a tool: the node's system calls as a list, and faults injected into them.

The tracer runs as a grandchild (-D), so that the node keeps its process id and its exit status.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


def can_trace():
    """A container may have strace and yet not be allowed to trace."""
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="needs strace, and to be allowed to trace")

# Under a tracer the leak checker of an instrumented build cannot work.
ENVIRONMENT = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))}


def inject(node, calls, what, when, paths=()):
    """From its next start on, the node's n-th such call of a thread meets a fault.

    `what` is "error=EIO" or "signal=SIGKILL"; `when` a number or an expression of strace's. With
    `paths` only calls on these files count.
    """
    options = [word for path in paths for word in ("-P", str(path))]
    rule = f"inject={','.join(calls)}:{what}:when={when}"
    output = node.beside("faults")
    node.prefix = ("strace", "-D", "-f", "-q", "-o", str(output), *options, "-e", rule)
    node.environment = ENVIRONMENT


def heal(node):
    """The next start is without a tracer."""
    node.prefix = ()
    node.environment = {}


def trace_command(output, calls):
    """The words before a command whose calls are to be written to `output`."""
    return (
        "strace", "-D", "-f", "-q", "-y", "-xx", "-s", "70000", "-o", str(output),
        "-e", "trace=" + ",".join(calls), "-e", "signal=none",
    )  # fmt: skip


def trace(node, calls, slow=()):
    """From its next start on, these calls of the node are written to the file that is returned.

    The `slow` ones take 3 ms longer: the time in which an answer could leave too early.
    """
    delay = ("-e", f"inject={','.join(slow)}:delay_enter=3000") if slow else ()
    output = node.beside("trace")
    node.prefix = (*trace_command(output, calls), *delay)
    node.environment = ENVIRONMENT
    return output


@dataclass(slots=True)
class Call:
    """One system call: the line at which it was entered and the one at which it had returned."""

    thread: int
    name: str
    arguments: str
    entered: int
    returned: int
    result: int

    @property
    def descriptor(self):
        match = re.match(r"(\d+)<(.*?)>(, |$|\))", self.arguments)
        return (int(match[1]), bytes_of(match[2]).decode("utf-8", "replace")) if match else (-1, "")

    @property
    def names(self):
        """The paths of a call that has (directory descriptor, name) or only names, absolute."""
        pairs = re.findall(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"([^"]*)"', self.arguments)
        texts = [tuple(bytes_of(text).decode() if text else "" for text in pair) for pair in pairs]
        return [os.path.normpath(os.path.join(directory or os.getcwd(), name)) for directory, name in texts]

    @property
    def data(self):
        """All bytes of all strings in the arguments."""
        return b"".join(bytes_of(text) for text in re.findall(r'"([^"]*)"', self.arguments))


def bytes_of(text):
    """What -xx wrote as \\x41\\x42. A path is written like this too."""
    return bytes(int(pair, 16) for pair in re.findall(r"\\x([0-9a-f]{2})", text)) or text.encode()


# The result may be a descriptor with its path, and an error has a note behind it.
LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<.*>)?( .*)?")  # a note may follow
UNFINISHED = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)(?:<.*>)?( .*)?")


def read_trace(path):
    """The calls of a trace, in the order in which they returned."""
    calls, open_calls = [], {}
    for number, line in enumerate(Path(path).read_text().splitlines()):
        if match := UNFINISHED.fullmatch(line):
            open_calls[int(match[1])] = (match[2], match[3], number)
        elif match := RESUMED.fullmatch(line):
            name, arguments, entered = open_calls.pop(int(match[1]))
            assert name == match[2], line
            calls.append(Call(int(match[1]), name, arguments + match[3], entered, number, int(match[4])))
        elif match := LINE.fullmatch(line):
            calls.append(Call(int(match[1]), match[2], match[3], number, number, int(match[4])))
    return calls
