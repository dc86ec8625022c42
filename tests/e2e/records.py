"""Reads the journal's files as their format says, independently of the program.

The layout is that of src/base/record.h: 128 bytes each, little-endian, in segments named by the index
of their first record.
"""

import hashlib
import struct
from dataclasses import dataclass

RECORD_SIZE = 128
SEGMENT_RECORDS = 1048576
LAYOUT = struct.Struct("<IBBBBQQQqqqQ16sQ40s")
FOUNDED, OPENED, FILE_DONE, LIMIT_CHANGED, CREDIT, DEBIT, REFUSED = range(1, 8)


def _table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


TABLE = _table()


def crc32c(data, seed=0):
    value = seed ^ 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def command_id(account, key):
    """The id of a command: SHA-256 over the account and the key, cut."""
    return hashlib.sha256(struct.pack("<Q", account) + key.encode("ascii")).digest()[:16]


@dataclass(slots=True)
class Record:
    index: int
    kind: int
    type: str
    reason: int
    account: int
    place: int
    previous: int
    amount: int
    balance: int
    limit: int
    time_us: int
    id: bytes
    log_index: int
    description: str


def decode(data, index):
    """The record, or None if these bytes are not a whole record at this index."""
    if len(data) < RECORD_SIZE:
        return None
    (checksum, kind, kind_asked, reason, size, account, place, previous, amount, balance, limit,
     time_us, identity, log_index, description) = LAYOUT.unpack(data)  # fmt: skip
    if checksum != crc32c(data[4:], crc32c(struct.pack("<Q", index))):
        return None
    text = description[:size].decode("utf-8") if kind >= CREDIT else ""
    return Record(index, kind, chr(kind_asked), reason, account, place, previous, amount, balance,
                  limit, time_us, identity, log_index, text)  # fmt: skip


class Journal:
    """The whole records of a data directory. `read` goes on where it ended: the node may be running."""

    def __init__(self, directory):
        self.directory = directory / "journal"
        self.records = []
        self.by_id = {}

    def read(self):
        """Reads what is new; returns self. Fails if an id is there twice."""
        while data := self._chunk():
            for offset in range(0, len(data), RECORD_SIZE):
                record = decode(data[offset : offset + RECORD_SIZE], len(self.records))
                if record is None:
                    return self
                if record.id != bytes(16):
                    assert record.id not in self.by_id, f"records with one id: {record}"
                    self.by_id[record.id] = record
                self.records.append(record)
        return self

    def _chunk(self):
        """Up to 512 records' bytes from the next one on, all of one segment."""
        place = len(self.records) % SEGMENT_RECORDS
        path = self.directory / f"{len(self.records) - place:016x}"
        try:
            with open(path, "rb") as file:
                file.seek(place * RECORD_SIZE)
                return file.read(min(512, SEGMENT_RECORDS - place) * RECORD_SIZE)
        except FileNotFoundError:
            return b""

    def find(self, account, key):
        return self.by_id.get(command_id(account, key))

    def check(self):
        """Proves the records from the first on: places, chain, balances, limits, time."""
        accounts = {}
        time_us = 0
        for record in self.records:
            assert record.time_us >= time_us, record
            time_us = record.time_us
            if record.kind == FOUNDED:
                assert record.index == 0, record
            elif record.kind == OPENED:
                assert record.account not in accounts, record
                accounts[record.account] = [record.limit, 0, 0, 0]
            elif record.kind in (CREDIT, DEBIT, REFUSED):
                self._check_decision(record, accounts[record.account])
            else:
                assert record.kind == FILE_DONE, record
        return accounts

    @staticmethod
    def _check_decision(record, account):
        limit, balance, place, previous = account
        assert record.limit == limit, record
        assert record.amount >= 1 and record.type in "cd", record
        after = balance + (record.amount if record.type == "c" else -record.amount)
        if record.kind == REFUSED:
            assert record.place == place and record.balance == balance, (record, account)
            assert after < -limit or after > 2**53 - 1, (record, account)
            return
        assert record.type == ("c" if record.kind == CREDIT else "d"), record
        assert record.place == place + 1 and record.previous == previous, (record, account)
        assert record.balance == after and -limit <= after <= 2**53 - 1, (record, account)
        account[1:] = [after, place + 1, record.index]
