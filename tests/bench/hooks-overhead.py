# SPDX-License-Identifier: Apache-2.0
"""What recording costs: CPU time of a program bare and under the collector hooks, in turn, in nanoseconds for each event.
Of the program alone (its own user and system time) and of the whole process tree, memflow's analysis included."""
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 5
CONFIGURATION = """[pipeline]
name = overhead
output = .
[collector program]
plugin = hooks
[analyzer size-classes]
[format report]
plugin = text
path = /dev/null
"""
# Each prints the CPU seconds that it needed itself.
PROGRAM = """
import resource, sys
def shallow():
    for i in range(400000):
        [None] * 8
        str(i)
def deep(n):
    return deep(n - 1) if n else shallow()
class Node:
    def __init__(self, i): self.i, self.next = i, None
def objects():
    kept = [Node(i) for i in range(200000)]
    {i: str(i) for i in range(100000)}
{"shallow": shallow, "deep": lambda: deep(29), "objects": objects, "nothing": lambda: None}[sys.argv[1]]()
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


def cpu(words, folder):
    """CPU seconds of a program alone and of all processes that it took, and what was said on stderr."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    tree = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(run.stdout), tree, run.stderr


def main(memflow, python):
    with tempfile.TemporaryDirectory(prefix="memflow-bench-") as folder:
        folder = Path(folder)
        (folder / "app.py").write_text(PROGRAM)
        (folder / "hooks.ini").write_text(CONFIGURATION)
        recorded = [memflow, "run", "hooks.ini", "--", python, "app.py"]
        for work in "shallow", "deep", "objects":
            bare, hooked, events = [], [], 0
            for _ in range(ROUNDS):
                bare.append(cpu([python, "app.py", work], folder)[:2])
                program, tree, said = cpu([*recorded, work], folder)
                hooked.append((program, tree))
                events = int(re.search(r"(\d+) calls of", said).group(1))
                assert " 0 lost" in said, said
            own, tree = (min(pair[i] for pair in hooked) - min(pair[i] for pair in bare) for i in (0, 1))
            ratio = min(pair[0] for pair in hooked) / min(pair[0] for pair in bare)
            print(f"# measured {work}-program {own / events * 1e9:.1f} ns/event", flush=True)
            print(f"# measured {work}-tree {tree / events * 1e9:.1f} ns/event", flush=True)
            print(f"# {work}: {events} events, the program takes {ratio:.2f} times its bare CPU time", flush=True)


main(os.environ["MEMFLOW"], sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/python3")
