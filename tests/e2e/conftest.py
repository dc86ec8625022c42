"""The fixtures of these tests; see fixtures.py and harness.py."""

import harness
from fixtures import adopt, make_node, node, shared_node, the_program, time_limit  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the longest that this test may take")


def pytest_report_header():
    return f"crebito: {harness.BINARY}, CREBITO_SEED={harness.SEED}"
