# SPDX-License-Identifier: Apache-2.0
"""What the tests of the collector hooks share: run a program, read the events that came out."""
import collections
import glob
import json
import os
import re
import subprocess
from pathlib import Path

from end_to_end import EndToEnd

PYTHON = "/usr/bin/python3"
CONFIGURATION = """[pipeline]
name = hooks
output = out
[collector program]
plugin = hooks
[format events]
plugin = json
mode = lines
path = events.jsonl
"""
Event = collections.namedtuple("Event", "op domain address old size functions frames thread process sequence time")


def version_of(python):
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"Python 3\.(\d+)\.\d+$", said.strip())
    return int(match.group(1)) if match else None


def interpreters():
    """(minor version, path) of what is here: Debian's first, then those of pyenv, 3.8 and later."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    paths = [PYTHON, *glob.glob(f"{root}/versions/3.*/bin/python3")]
    found = [(version_of(path), path) for path in paths]
    return sorted(((minor, path) for minor, path in found if minor and minor >= 8), key=lambda item: item[0])


def event_of(row):
    number = lambda text: int(text, 16) if text else None
    frames = row["stack"] or []
    return Event(row["op"], row["domain"], number(row["address"]), number(row["old_address"]), row["size"],
                 [frame["function"] for frame in frames], frames, row["thread"], row["process"], row["sequence"],
                 row["time"])


class HooksTest(EndToEnd):
    def setUp(self):
        super().setUp()
        (self.folder / "hooks.ini").write_text(CONFIGURATION)

    def record(self, *command, options=(), status=0, **more):
        """Runs a command under the collector; its events stand in self.events, all others in self.others."""
        sets = [word for option in options for word in ("--set", f"program.{option}")]
        run = self.memflow("run", "hooks.ini", *sets, "--", *command, **more)
        self.assert_run(run, status)
        self.events, self.others = [], collections.defaultdict(list)
        with open(self.folder / "out/events.jsonl", encoding="utf-8") as file:
            for line in map(json.loads, file):
                if line.get("type") == "alloc.event":
                    self.events.append(event_of(line["row"]))
                else:
                    self.others[line.get("type")].append(line.get("row"))
        return run

    def script(self, text, name="app.py"):
        path = Path(self.folder / name)
        path.write_text(text)
        return path

    def lost(self):
        return sum(row["count"] for row in self.others["core.lost"])
