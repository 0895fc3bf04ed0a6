# SPDX-License-Identifier: Apache-2.0
"""What the agent needs in a program: start-up, resident memory, and CPU time when only malloc is recorded. Each is the
difference of runs with and without it, in turn."""
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS, MOST_ROUNDS = 5, 25
MOST_START_UP = 0.01  # s; the aim is 5 ms; some 45,000 events are in it
MOST_RATIO = 1.06     # the aim is 1.03; the rest is noise of short runs
WORKLOADS = Path(__file__).resolve().parents[1] / "data/workloads"
MEMFLOW = os.environ["MEMFLOW"]
PYTHON = "/usr/bin/python3"
# A program that is run by this says what it took itself: CPU seconds, private and shared resident KiB.
SELF = """
import re, resource, runpy, sys
sys.argv = sys.argv[1:]
if sys.argv: runpy.run_path(sys.argv[0], run_name="__main__")
status = open("/proc/self/status").read()
resident = {name: int(size) for name, size in re.findall(r"(Rss\\w+):\\s+(\\d+) kB", status)}
used = resource.getrusage(resource.RUSAGE_SELF)
print("self", used.ru_utime + used.ru_stime, resident["RssAnon"], resident["RssShmem"], file=sys.stderr)
"""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def run(options, *arguments):
    """CPU seconds, anonymous and shared resident KiB of the program; options None = without the agent."""
    with tempfile.TemporaryDirectory(prefix="memflow-bench-") as folder:
        command = [PYTHON, "-c", SELF, *arguments]
        record = [] if options is None else [MEMFLOW, "record", "-o", f"{folder}/x.mfc", *options, "--"]
        said = subprocess.run(record + command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stderr
    cpu, private, shared = re.search(r"^self (\S+) (\d+) (\d+)$", said, re.M).groups()
    return float(cpu), int(private), int(shared)


def least(runs):
    """CPU seconds without and with the agent: what else the machine does only adds to a run."""
    return min(bare[0] for bare, _ in runs), min(with_agent[0] for _, with_agent in runs)


def pairs(options, *arguments, good):
    """Runs without and with the agent in turn; more of them as long as the least of each do not make a good figure."""
    runs = []
    while not runs or (not good(*least(runs)) and len(runs) < MOST_ROUNDS):
        runs += [(run(None, *arguments), run(options, *arguments)) for _ in range(ROUNDS)]
    return runs


def told(name, value, unit, limit):
    print(f"# measured {name} {value:.3f} {unit} <= {limit}", flush=True)
    return value <= limit


def main():
    empty = pairs([], good=lambda bare, with_agent: with_agent - bare <= MOST_START_UP)
    bare, with_agent = least(empty)
    private = statistics.median(with_agent[1] - bare[1] for bare, with_agent in empty)
    shared = statistics.median(with_agent[2] - bare[2] for bare, with_agent in empty)
    good = told("start-up-with-its-events", (with_agent - bare) * 1e3, "ms", MOST_START_UP * 1e3)
    good &= told("private-memory", private, "KiB", 1024)
    good &= told("private-and-ring-memory", private + shared, "KiB", 1024)
    for name in ("w1_churn", "w4_objs"):
        bare, with_agent = least(pairs(["--python", "no", "--malloc", "yes"], str(WORKLOADS / f"{name}.py"), "0.1",
                                       good=lambda bare, with_agent: with_agent <= MOST_RATIO * bare))
        good &= told(f"only-malloc-{name[:2]}", with_agent / bare, "ratio", MOST_RATIO)
    sys.exit(0 if good else 1)


main()
