"""Runs every test of the repository and counts: python3 scripts/test_all.py [lint|unit|fuzz|e2e|fault]...

What counts as one test: a check of the layers, of the format, of one file by clang-tidy; a test function
of a unit test or of pytest; ten seconds of a fuzz target. The last line says "N passed, M failed" and, if
there were any, "K skipped"; what was skipped and why stands above it. test.sh installs what this needs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
RESULTS = BUILD / "results"
WORKERS = os.cpu_count() or 1
PARTS = ("lint", "unit", "fuzz", "e2e", "fault")
PART_SECONDS_MAX = 900
FUZZ_SECONDS = 10
OUTPUT_LINES_MAX = 60
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


class Score:
    """What passed, failed and was skipped so far, each with a name."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add_pass(self):
        self.passed += 1

    def add_failure(self, name, output=""):
        self.failed.append(name)
        say(f"FAILED {name}")
        lines = output.rstrip().splitlines()
        if len(lines) > OUTPUT_LINES_MAX:
            lines = ["…", *lines[-OUTPUT_LINES_MAX:]]
        for line in lines:
            say(f"    {line}")

    def add_skip(self, name, why):
        self.skipped.append((name, why))

    def add(self, name, done):
        """One test that is one process: passed if it ended with 0."""
        if done.returncode == 0:
            self.add_pass()
        else:
            self.add_failure(name, done.stdout)

    def total(self):
        return self.passed, len(self.failed), len(self.skipped)


def say(text):
    print(text, flush=True)


def run(command, seconds=PART_SECONDS_MAX, **environment):
    """Runs it without input; its output, both kinds, comes back as text. Too slow is a failure."""
    command = [str(word) for word in command]
    try:
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, timeout=seconds, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode("utf-8", "replace")
        return subprocess.CompletedProcess(command, 1, f"{output}\nnot done within {seconds} s")


def run_many(commands):
    """Yields (name, result) of each (name, command), as many at a time as there are processors."""
    with ThreadPoolExecutor(WORKERS) as workers:
        results = [(name, workers.submit(run, command, **SANITIZERS)) for name, command in commands]
        for name, result in results:
            yield name, result.result()


def build(score, kind):
    done = run([ROOT / "scripts/build.sh", kind])
    if done.returncode != 0:
        score.add_failure(f"build {kind}", done.stdout)
    return done.returncode == 0


# The parts


def run_lint(score):
    score.add("layers", run(["sh", "scripts/check_layers.sh"]))
    sources = sorted(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.[ch]"))
    score.add("format", run(["clang-format", "--dry-run", "--Werror", *sources]))
    if not build(score, "asan"):
        return
    compiled = {
        (Path(command["directory"]) / command["file"]).resolve()
        for command in json.loads((BUILD / "asan/compile_commands.json").read_text())
    }
    # One process a file: clang-tidy 14 mixes up the va_lists of several. Headers come with their users.
    commands = [
        (f"tidy {path.relative_to(ROOT)}", ["clang-tidy", "--quiet", "-p", BUILD / "asan", path])
        for path in sources
        if path in compiled
    ]
    for name, done in run_many(commands):
        score.add(name, done)


def run_unit(score):
    if not build(score, "asan"):
        return
    log = BUILD / "asan/meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    done = run(["meson", "test", "-C", BUILD / "asan", "--no-rebuild"], CMOCKA_MESSAGE_OUTPUT="TAP", **SANITIZERS)
    if not log.exists():
        score.add_failure("meson test", done.stdout)
        return
    for line in log.read_text().splitlines():
        count_unit_test(score, json.loads(line))


def count_unit_test(score, test):
    """Each function of an executable, from its TAP lines; a crash is one failure more."""
    name = test["name"]
    output = f"{test.get('stdout', '')}\n{test.get('stderr', '')}"
    planned = sum(int(count) for count in re.findall(r"^1\.\.(\d+)", output, re.MULTILINE))
    seen = failed = 0
    for verdict, function in re.findall(r"^(ok|not ok) \d+ (?:- )?(.*)", output, re.MULTILINE):
        seen += 1
        if "# SKIP" in function:
            score.add_skip(f"{name}: {function.replace('# SKIP', '').strip()}", "skipped by the test itself")
        elif verdict == "ok":
            score.add_pass()
        else:
            failed += 1
            score.add_failure(f"{name}: {function}", output if failed == 1 else "")
    if seen == planned == 0 and test["result"] == "OK":
        score.add_pass()  # no test of cmocka's: the whole program is one
    elif failed == 0 and (test["result"] != "OK" or seen != planned):
        score.add_failure(f"{name}: {test['result']}, {seen} of {planned} functions ended", output)


def run_fuzz(score):
    if not build(score, "fuzz"):
        return
    targets = sorted(
        path for path in (BUILD / "fuzz/tests/fuzz").rglob("fuzz_*") if path.is_file() and os.access(path, os.X_OK)
    )
    commands = []
    for target in targets:
        name = target.name.removeprefix("fuzz_")
        found = RESULTS / "fuzz" / name  # new inputs; the corpus of the repository is only read
        found.mkdir(parents=True, exist_ok=True)
        corpus = ROOT / "tests/fuzz/corpus" / name
        commands.append((f"fuzz {name}", [
            # One seed: a run here fails for what a change broke. Campaigns (docs/testing.md) take others.
            target, "-seed=1", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=1024",
            f"-artifact_prefix={found.parent}/{name}-", found, *([corpus] if corpus.is_dir() else []),
        ]))  # fmt: skip
    for name, done in run_many(commands):
        score.add(name, done)


def run_pytest(score, folder):
    if not build(score, "release"):
        return
    report = RESULTS / f"{folder}.xml"
    report.unlink(missing_ok=True)
    done = run([
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", f"tests/{folder}",
    ])  # fmt: skip
    failures_before = len(score.failed)
    if report.exists():
        count_report(score, folder, ElementTree.parse(report))
    if done.returncode != 0 and len(score.failed) == failures_before:
        score.add_failure(f"{folder}: pytest ended with {done.returncode}", done.stdout)


def count_report(score, folder, report):
    for case in report.iter("testcase"):
        name = f"{folder}: {case.get('classname')}.{case.get('name')}"
        problem = next((child for child in case if child.tag in ("failure", "error")), None)
        skipped = case.find("skipped")
        if problem is not None:
            score.add_failure(name, problem.text or problem.get("message", ""))
        elif skipped is not None:
            score.add_skip(name, skipped.get("message", ""))
        else:
            score.add_pass()


RUNNERS = {
    "lint": run_lint,
    "unit": run_unit,
    "fuzz": run_fuzz,
    "e2e": lambda score: run_pytest(score, "e2e"),
    "fault": lambda score: run_pytest(score, "fault"),
}


def main(arguments):
    unknown = [part for part in arguments if part not in PARTS]
    if unknown:
        print(f"test_all.py: unknown part \"{unknown[0]}\"; the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    score = Score()
    for part in PARTS:
        if arguments and part not in arguments:
            continue
        before, began = score.total(), time.monotonic()
        RUNNERS[part](score)
        passed, failed, skipped = (now - then for now, then in zip(score.total(), before))
        say(f"{part}: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - began:.0f} s")
    for name, why in score.skipped:
        say(f"skipped {name}: {why}")
    for name in score.failed:
        say(f"failed {name}")
    passed, failed, skipped = score.total()
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
