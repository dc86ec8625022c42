"""The fixtures of the fault tests: those of tests/e2e, and disks that can lose power."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
from disks import make_disk  # noqa: E402, F401
from fixtures import adopt, make_node, node, the_program, time_limit  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the longest that this test may take")


def pytest_report_header():
    return f"crebito: {harness.BINARY}, CREBITO_SEED={harness.SEED}"
