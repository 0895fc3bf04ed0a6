# SPDX-License-Identifier: Apache-2.0
"""compare.py [--scale S] [--rounds N] [--only TOOL,...]: what recording costs with memflow and with other tools, in one
interleaved run on the interpreter that runs this script. CPU time is that of the whole process tree. A tool that is not
installed is left out and named. Exit status 77: memray is not there, so nothing was compared. MEMFLOW_RECORD is the command
that records, `memflow record` when it is not set.

net x       CPU time over that of the bare program, start-up of the tool and of the interpreter taken off on both sides
ns/event    the difference of those, for each call of an allocator that memflow records
B/event     bytes of the finished recording"""
import argparse
import json
import os
import re
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WORKLOADS = Path(__file__).resolve().parents[1] / "data/workloads"
NAMES = sorted(path.stem for path in WORKLOADS.glob("w*.py"))
EMPTY, PROGRAMS = NAMES[0], NAMES[1:]
RECORD = shlex.split(os.environ.get("MEMFLOW_RECORD", "memflow record"))
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0",
               "PYTHONDONTWRITEBYTECODE": "1", "DEBUGINFOD_URLS": ""}
PYTHON = sys.executable
MEMRAY = [PYTHON, "-m", "memray", "run", "-q", "-f", "-o", "{out}/x.bin"]
# tool: what stands before the script, further environment. {out} is a folder of its own for each run.
TOOLS = {
    "bare": ([PYTHON], {}),
    "memflow": ([*RECORD, "-o", "{out}/x.mfc", "--", PYTHON], {}),
    "memflow-1us": ([*RECORD, "--resolution", "1us", "-o", "{out}/x.mfc", "--", PYTHON], {}),
    "memflow-malloc": ([*RECORD, "--python", "no", "--malloc", "-o", "{out}/x.mfc", "--", PYTHON], {}),
    "memflow-sample": ([*RECORD, "--mode", "sample", "-o", "{out}/x.mfc", "--", PYTHON], {}),
    "memray": ([*MEMRAY, "--trace-python-allocators"], {}),
    "memray-malloc": (MEMRAY, {}),  # malloc alone: what pymalloc hands out is not told
    "tracemalloc-1": ([PYTHON, "-X", "tracemalloc=1"], {}),
    "tracemalloc-25": ([PYTHON, "-X", "tracemalloc=25"], {}),
    "heaptrack": (["heaptrack", "-r", "-o", "{out}/x", PYTHON], {"PYTHONMALLOC": "malloc"}),
}


def version(words):
    try:
        run = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return (run.stdout + run.stderr).strip().splitlines()[0]


def versions():
    found = {"memflow": version([*RECORD, "--version"]),
             "memray": version([PYTHON, "-c", "import memray; print('memray', memray.__version__)"]),
             "tracemalloc": version([PYTHON, "--version"]), "heaptrack": version(["heaptrack", "--version"])}
    return {tool: found[tool.split("-")[0]] for tool in TOOLS if tool != "bare"}


class Run:
    """One run of a workload under a tool: CPU seconds of the tree, bytes of the recording, events that memflow counted."""

    def __init__(self, tool, workload, scale):
        words, environment = TOOLS[tool]
        script = [str(WORKLOADS / f"{workload}.py"), *([] if workload == EMPTY else [str(scale)])]
        with tempfile.TemporaryDirectory(prefix="memflow-peers-") as out:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = subprocess.run([word.format(out=out) for word in words] + script, env=ENVIRONMENT | environment, cwd=out,
                                 capture_output=True, text=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.bytes = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
        if run.returncode:
            sys.exit(f"{tool} failed on {workload}: exit status {run.returncode}\n{run.stdout}{run.stderr}")
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.checksum = [line for line in run.stdout.splitlines() if line.startswith(workload[:2] + " ")]
        counted = re.search(r"([\d,]+) calls of", run.stderr)
        self.events = int(counted.group(1).replace(",", "")) if counted else None


def measure(tools, scale, rounds):
    """runs[tool, workload]: the order turns round, so that no tool always runs behind the same one."""
    runs = {(tool, workload): [] for tool in tools for workload in NAMES}
    for number in range(rounds):
        for workload in NAMES:
            for tool in tools if number % 2 else reversed(tools):
                run = Run(tool, workload, scale)
                assert run.checksum == (runs["bare", workload] or [run])[0].checksum, f"{tool} changed the result"
                runs[tool, workload].append(run)
        print(f"# round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return runs


class Costs:
    def __init__(self, runs):
        self.runs = runs

    def cpu(self, tool, workload):
        return statistics.median(run.cpu for run in self.runs[tool, workload])

    def own(self, tool, workload):
        return self.cpu(tool, workload) - self.cpu(tool, EMPTY)

    def events(self, workload):
        counted = [run.events for run in self.runs["memflow", workload] + self.runs["memflow", EMPTY] if run.events]
        return counted[0]

    def net(self, tool, workload):
        return self.own(tool, workload) / self.own("bare", workload)

    def overhead(self, tool, workload):
        return (self.own(tool, workload) - self.own("bare", workload)) * 1e9 / self.events(workload)

    def bytes(self, tool, workload):
        return self.runs[tool, workload][0].bytes / self.events(workload)


def print_table(title, tools, figure, digits):
    print(f"\n{title}\n{'':16}" + "".join(f"{name[:2]:>9}" for name in PROGRAMS) + f"{'geomean':>9}")
    for tool in tools:
        values = [figure(tool, workload) for workload in PROGRAMS]
        mean = statistics.geometric_mean(values) if min(values) > 0 else float("nan")  # below zero: noise
        print(f"{tool:16}" + "".join(f"{value:9.{digits}f}" for value in [*values, mean]))


def compare_with_memray(costs):
    """The overhead of memflow as a part of memray's, for all workloads together and for the worst."""
    figures = [(costs.overhead("memflow", name), costs.overhead("memray", name)) for name in PROGRAMS]
    if min(min(pair) for pair in figures) <= 0:
        print("# an overhead below zero is noise: the runs are too short to be compared, take a larger --scale")
        return False
    parts = [ours / theirs for ours, theirs in figures]
    print(f"# measured part-of-memray {statistics.geometric_mean(parts):.3f} ratio <= 0.5")
    print(f"# measured worst-part-of-memray {max(parts):.3f} ratio <= 0.75")
    return statistics.geometric_mean(parts) <= 0.5 and max(parts) <= 0.75


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--scale", type=float, default=0.1, help="1.0 is about 3 s bare")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", help="tools, with commas between them")
    chosen = options.parse_args()
    known = versions()
    wanted = chosen.only.split(",") if chosen.only else list(TOOLS)
    tools = ["bare"] + [tool for tool in wanted if known.get(tool)]
    for tool, name in known.items():
        print(f"# {tool}: {name or 'not installed: left out'}")
    if "memray" not in tools or "memflow" not in tools:
        print("# nothing to compare: memray and memflow have to be installed for this interpreter")
        sys.exit(77)
    costs = Costs(measure(tools, chosen.scale, chosen.rounds))
    events = {name: costs.events(name) for name in PROGRAMS}
    print(f"# events {json.dumps(events)}; start-up in ms: "
          + ", ".join(f"{tool} {costs.cpu(tool, EMPTY) * 1e3:.0f}" for tool in tools))
    print_table("net x", tools[1:], costs.net, 2)
    print_table("ns/event", tools[1:], costs.overhead, 1)
    print_table("B/event", [tool for tool in tools[1:] if "tracemalloc" not in tool], costs.bytes, 2)
    sys.exit(0 if compare_with_memray(costs) else 1)


main()
