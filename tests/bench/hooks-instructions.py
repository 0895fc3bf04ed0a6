# SPDX-License-Identifier: Apache-2.0
"""What recording an event costs the program in instructions of the agent, which no load of the machine changes: two
runs under callgrind, whose difference is that of the events alone."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATION = """[pipeline]
name = instructions
output = .
[collector program]
plugin = hooks
[analyzer size-classes]
[format report]
plugin = text
path = /dev/null
"""
PROGRAM = """
import sys
def allocate(n):
    for i in range(n):
        [None] * 8
        str(i)
def call(n):
    for i in range(n):
        [None]
        one()
def one(): return [None]
def deep(n, what, times):
    return deep(n - 1, what, times) if n else what(times)
deep(int(sys.argv[1]), {"allocate": allocate, "call": call}[sys.argv[2]], int(sys.argv[3]))
"""
FEW, MANY = 500, 3500
# what, frames below: most instructions for each event
LIMITS = {("allocate", 1): 170, ("allocate", 30): 310, ("call", 1): 220}


def agent_instructions(path):
    """Instructions of the agent's own code in a profile: the costs below `ob=`, but for those of calls."""
    names, where, after_call, total = {}, "", False, 0
    for line in path.read_text().splitlines():
        key, _, value = line.partition("=")
        if key in ("ob", "cob"):
            number, _, name = value.partition(" ")
            names.setdefault(number, name)
            where = names[number] if key == "ob" else where
        elif key == "calls":
            after_call = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            costs = [] if after_call or "libmemflow-agent" not in where else line.split()[1:]
            total += sum(map(int, costs))
            after_call = False
    return total


def run(memflow, folder, what, depth, times):
    profile = folder / "profile"
    words = [memflow, "run", "hooks.ini", "--", "valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}",
             "/usr/bin/python3", "-S", "-I", "app.py", str(depth), what, str(times)]
    said = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stderr
    return agent_instructions(profile), int(re.search(r"(\d+) calls of", said).group(1))


def main(memflow):
    over = False
    with tempfile.TemporaryDirectory(prefix="memflow-bench-") as folder:
        folder = Path(folder)
        (folder / "app.py").write_text(PROGRAM)
        (folder / "hooks.ini").write_text(CONFIGURATION)
        for (what, depth), limit in LIMITS.items():
            few, many = (run(memflow, folder, what, depth, times) for times in (FEW, MANY))
            each = (many[0] - few[0]) / (many[1] - few[1])
            print(f"# measured {what}-at-{depth} {each:.1f} instructions/event <= {limit}", flush=True)
            over |= each > limit
    return over


if not shutil.which("valgrind"):
    print("skipped: valgrind is not installed")
    sys.exit(77)
sys.exit(main(os.environ["MEMFLOW"]))
