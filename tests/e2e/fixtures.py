"""pytest's part of the harness: nodes that end with their test, and a time limit for each test."""

import itertools
import signal

import pytest

import harness

LIMIT_SECONDS = 60


@pytest.fixture(scope="session")
def the_program():
    if not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} is missing: build it, or name one in CREBITO_BINARY", 2)


@pytest.fixture(autouse=True)
def time_limit(request):
    """Ends a test that takes longer than its `limit` marker says. The timer is monotonic."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_SECONDS

    def expired(_signal, _frame):
        raise TimeoutError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def adopt(tmp_path):
    """A function that takes care of a node: whatever happens, it ends with the test."""
    nodes = []

    def take(node):
        nodes.append(node)
        node.logs = tmp_path
        return node

    yield take
    for node in nodes:
        node.kill()


@pytest.fixture
def make_node(the_program, tmp_path, adopt):
    """A function that makes banks, each under a name of its own; they end with the test."""
    count = itertools.count()

    def make(*options, name=None, parent=None):
        return adopt(harness.bank(parent or tmp_path, *options, name=name or f"bank{next(count)}"))

    return make


@pytest.fixture
def node(make_node):
    """A fresh bank with the five customers, serving; after the test it must stop well and verify."""
    node = make_node().start()
    yield node
    if node.process is not None:
        node.stop()
    harness.verify(node.directory)


@pytest.fixture(scope="module")
def shared_node(the_program, tmp_path_factory):
    """One serving bank for all tests of a file: for those that do not care about balances."""
    node = harness.bank(tmp_path_factory.mktemp("shared")).start()
    yield node
    try:
        node.stop()
        harness.verify(node.directory)
    finally:
        node.kill()
