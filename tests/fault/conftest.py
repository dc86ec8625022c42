"""The fixtures of the fault tests: those of tests/e2e, and disks that can lose power."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from disks import make_disk  # noqa: E402, F401
from fixtures import make_node, node, the_program, time_limit  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the longest that this test may take")
