"""Damaged files: a start either has everything that was answered, or names the damage and ends with 1."""

import shutil
from pathlib import Path

import pytest

from harness import Node, wait_until
from records import Journal
from test_power import quiet

TRANSACTIONS = 12


def make_bank(node, end):
    """A bank with some transactions, ended by `stop` (settled) or `kill` (all of it in the log)."""
    node.start()
    for number in range(1, TRANSACTIONS + 1):
        assert node.post(1, number).status == 200
    journal = Journal(node.directory)
    wait_until(lambda: len(journal.read().records) >= TRANSACTIONS + 7, 10, "the journal's file is written")
    quiet(node.directory)  # the witness of the last group is there: it is no torn tail any more
    getattr(node, end)()
    return sum(range(1, TRANSACTIONS + 1))


def start_or_say(adopt, directory, balance, what):
    """True if it serves. It has everything then; otherwise it has named a file."""
    node = adopt(Node(directory))
    node.spawn()
    if node.wait_ready():
        shown = node.statement(1)
        assert shown["saldo"]["total"] == balance, f"{what}: served with {shown}"
        assert [e["valor"] for e in shown["ultimas_transacoes"]] == list(range(12, 2, -1)), what
        node.kill()
        return True
    status = node.wait()
    assert status == 1, f"{what}: {status} {node.log}"
    assert " error " in node.log and "Sanitizer" not in node.log, f"{what}: {node.log}"
    return False


def offsets(data):
    """One byte in each part of a file that is not empty space: at most some 12 of them."""
    found = [start + at for start in range(0, len(data), 128) for at in (0, 5, 77)
             if data[start : start + 128].strip(b"\0") and start + at < len(data)]  # fmt: skip
    return found[:: max(1, len(found) // 12)]


def copy_with_holes(source, target):
    data = Path(source).read_bytes()
    with open(target, "wb") as file:
        file.write(data.rstrip(b"\0"))
        file.truncate(len(data))


def damages(directory):
    """(description, path, damaged bytes) for each file."""
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or path.name == "lock" or path.name.startswith("spare"):
            continue
        name, data = path.relative_to(directory), path.read_bytes()
        for offset in offsets(data):
            damaged = bytearray(data)
            damaged[offset] ^= 0x10
            yield f"{name} byte {offset}", name, bytes(damaged)
        used = len(data.rstrip(b"\0"))
        yield f"{name} cut to nothing", name, b""
        yield f"{name} cut in its middle", name, data[: used // 2]
        yield f"{name} without its last byte", name, data[: used - 1]
        yield f"{name} made zero", name, bytes(len(data))


@pytest.mark.limit(150)
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_damage_is_served_as_if_nothing_had_been(make_node, adopt, tmp_path, end):
    model = make_node()
    balance = make_bank(model, end)
    served = refused = 0
    for number, (what, name, data) in enumerate(damages(model.directory)):
        directory = tmp_path / f"damaged{number}"
        shutil.copytree(model.directory, directory, copy_function=copy_with_holes)
        (directory / name).write_bytes(data)
        if start_or_say(adopt, directory, balance, what):
            served += 1
        else:
            refused += 1
        shutil.rmtree(directory)
    assert refused > 10, (served, refused)
