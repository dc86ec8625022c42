"""/metrics is Prometheus text (format 0.0.4), read here by a strict parser, and counts what happened."""

import re

import pytest

from harness import transaction

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|\+Inf|-Inf|NaN")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


class Family:
    def __init__(self, name, kind):
        self.name, self.kind, self.samples = name, kind, {}


def parse(text):
    """Families by name. Fails on anything that the format does not allow."""
    assert text.endswith("\n")
    families, helped, current = {}, set(), None
    for line in text.splitlines():
        if match := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            assert match[1] not in helped, f"HELP twice: {line}"
            helped.add(match[1])
        elif match := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)", line):
            assert match[1] not in families, f"TYPE twice: {line}"
            current = families[match[1]] = Family(match[1], match[2])
            assert match[1] in helped, f"no HELP before: {line}"
        else:
            assert current, f"a sample before its TYPE: {line}"
            add_sample(current, line)
    for family in families.values():
        if family.kind == "histogram":
            check_histogram(family)
        if family.kind == "counter":
            assert all(value >= 0 for value in family.samples.values()), family.name
    assert helped == set(families)
    return families


def add_sample(family, line):
    match = SAMPLE.fullmatch(line)
    assert match, f"not a sample: {line!r}"
    name, labels, number = match[1], match[2] or "", match[match.lastindex]
    assert NUMBER.fullmatch(number), f"not a number: {line!r}"
    allowed = [family.name + suffix for suffix in SUFFIXES.get(family.kind, ("",))]
    assert name in allowed, f"{line!r} stands under {family.name}"
    pairs = tuple((pair[0], pair[1]) for pair in re.findall(LABEL, labels))
    assert len({key for key, _ in pairs}) == len(pairs), f"a label twice: {line!r}"
    key = (name, tuple(sorted(pairs)))
    assert key not in family.samples, f"a sample twice: {line!r}"
    family.samples[key] = float(number)


def check_histogram(family):
    """Buckets are cumulative, in order, the last is +Inf and equals the count."""
    series = {}
    for (name, labels), value in family.samples.items():
        others = tuple(pair for pair in labels if pair[0] != "le")
        parts = series.setdefault(others, {"buckets": []})
        if name.endswith("_bucket"):
            parts["buckets"].append((float(dict(labels)["le"]), value))
        else:
            parts[name.removeprefix(family.name)] = value
    for parts in series.values():
        bounds = [bound for bound, _ in parts["buckets"]]
        counts = [count for _, count in parts["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), family.name
        assert counts == sorted(counts), family.name
        assert counts[-1] == parts["_count"], family.name
        assert parts["_sum"] >= 0, family.name


def metrics(node):
    response = node.ask("GET", "/metrics")
    assert response.status == 200
    assert response.field("Content-Type").startswith("text/plain; version=0.0.4")
    return parse(response.body.decode("utf-8"))


def total(families):
    """All samples, as one number for each name and labels."""
    return {key: value for family in families.values() for key, value in family.samples.items()}


BAD_TEXTS = [
    "crebito_a 1\n",
    "# HELP crebito_a a\n# TYPE crebito_a counter\ncrebito_b 1\n",
    "# HELP crebito_a a\n# TYPE crebito_a counter\ncrebito_a 1\ncrebito_a 2\n",
    "# HELP crebito_a a\n# TYPE crebito_a counter\ncrebito_a x\n",
    "# HELP crebito_a a\n# TYPE crebito_a counter\ncrebito_a 1",
    '# HELP h a\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h a\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h a\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_the_parser_refuses_what_is_not_the_format(text):
    with pytest.raises(AssertionError):
        parse(text)


def test_the_parser_takes_what_is_the_format():
    text = (
        '# HELP h a b\n# TYPE h histogram\nh_bucket{a="x\\"",le="0.5"} 1\n'
        'h_bucket{a="x\\"",le="+Inf"} 2\nh_sum{a="x\\""} 1.5e0\nh_count{a="x\\""} 2\n'
    )
    assert list(parse(text)) == ["h"]


def test_metrics_are_prometheus_text_with_names_of_our_own(node):
    node.post(1)
    node.post(1, 10**9, "d")
    node.statement(1)
    families = metrics(node)
    ours = [name for name in families if name.startswith("crebito_")]
    others = [name for name in families if not name.startswith(("crebito_", "process_"))]
    assert ours and not others
    assert any(family.kind == "histogram" for family in families.values())


def test_metrics_count_what_happened_and_never_go_back(node):
    before = metrics(node)
    with node.connect() as connection:
        for _ in range(20):
            assert connection.ask("POST", "/clientes/1/transacoes", transaction()).status == 200
    after = metrics(node)
    for name, family in before.items():
        if family.kind in ("counter", "histogram"):
            for key, value in family.samples.items():
                assert after[name].samples[key] >= value, key
    earlier, grown = total(before), total(after)
    assert any(grown[key] - earlier.get(key, 0) == 20 for key in grown), grown


def test_metrics_are_well_formed_before_the_first_request(make_node):
    metrics(make_node().start())
