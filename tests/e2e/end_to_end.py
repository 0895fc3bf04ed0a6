# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: run the command in a folder of its own and look at all it leaves behind."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("MEMFLOW", str(SOURCE / "build/memflow"))
LAUNCHER = os.environ.get("MEMFLOW_MEASURE", str(SOURCE / "build/measure"))
RECORDING = SOURCE / "configs/recordings/stm32f205-fragment.txt"
STM32 = "configs/stm32.ini"  # in the folder of a test, which is laid out like a copy of the project
# A fixed environment: what a test says must not depend on who runs it. Sanitizers have their settings, and GLib's slices,
# whose locks they do not see, are switched off for them.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | {
    name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS") or name == "G_SLICE"}


class Run:
    """One finished command: its exit status, what it said, and the files that it left in its folder."""

    def __init__(self, status, stdout, stderr, folder):
        self.status, self.stdout, self.stderr, self.folder = status, stdout, stderr, folder

    def files(self):
        names = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(name for name in names if not name.startswith("configs/"))


class EndToEnd(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="memflow-e2e-")
        self.addCleanup(temporary.cleanup)
        self.temporary = Path(temporary.name)
        self.folder = self.new_folder("run")

    def new_folder(self, name):
        """A folder with the shipped configurations in it, so that no output contains a path of this machine."""
        shutil.copytree(SOURCE / "configs", self.temporary / name / "configs")
        return self.temporary / name

    def start(self, *words, folder=None, environment=None, **options):
        """The running command, for tests that talk to it; stdout and stderr are pipes unless told otherwise."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        process = subprocess.Popen([COMMAND, *map(str, words)], cwd=folder or self.folder,
                                   env=ENVIRONMENT | (environment or {}), **options)
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def memflow(self, *words, folder=None, feed=None, **options):
        """Runs the command to its end; `feed` is what it reads from stdin."""
        folder = folder or self.folder
        if feed is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*words, folder=folder, **options)
        stdout, stderr = process.communicate(feed, timeout=120)
        return Run(process.returncode, (stdout or b"").decode(), (stderr or b"").decode(), folder)

    def assert_run(self, run, status=0):
        self.assertEqual(run.status, status, f"stdout:\n{run.stdout}\nstderr:\n{run.stderr}")
        return run

    def assert_no_partial_files(self, run):
        self.assertEqual([name for name in run.files() if "partial" in name or name.endswith((".tmp", "~"))], [])

    def json_rows(self, path, type_name):
        """The rows of one event type in a JSON report."""
        document = json.loads((self.folder / path).read_text())
        return [event["row"] for event in document["events"] if event["type"] == type_name]

    def assert_golden(self, name, text):
        """Equal to tests/golden/e2e/NAME; MEMFLOW_UPDATE_GOLDEN=1 writes the file instead, for a reviewed diff."""
        path = SOURCE / "tests/golden/e2e" / name
        if os.environ.get("MEMFLOW_UPDATE_GOLDEN"):
            path.write_text(text)
        self.assertEqual(path.read_text(), text, f"{path.relative_to(SOURCE)} differs")


def measured(name, value, unit, limit=None):
    """A figure for the report of check.sh; says whether it keeps its limit."""
    print(f"# measured {name} {value:g} {unit}" + (f" <= {limit:g}" if limit is not None else ""), flush=True)
    return limit is None or value <= limit


def peak_memory_kib(words, folder, feed=()):
    """Peak resident memory of a command that has to succeed, reads `feed` from stdin, and what it prints."""
    cost, said = folder / "cost", folder / "said"
    with open(said, "wb") as out:
        process = subprocess.Popen([LAUNCHER, "-o", cost, COMMAND, *map(str, words)], cwd=folder, env=ENVIRONMENT,
                                   stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        with process.stdin:
            for piece in feed:
                process.stdin.write(piece)
    if process.wait():
        raise AssertionError(f"exit status {process.returncode}: {said.read_text()}")
    return int(re.search(r"^# measured peak-memory (\d+) KiB", cost.read_text(), re.M).group(1)), said.read_text()
