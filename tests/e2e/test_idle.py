"""What a node does by itself, when nobody asks it anything."""

from harness import wait_until
from records import Journal


def test_records_reach_the_journals_files_soon_also_when_nobody_asks_any_more(node):
    """The wake-up of the loop is a timer; a turn that comes a little too early must set it again."""
    journal = Journal(node.directory)
    with node.connect() as connection:
        connection.ask("GET", "/healthz")
    for _ in range(150):
        key = node.post(1).key
        wait_until(lambda: journal.read().find(1, key), 5, "the record is in the journal's file")
