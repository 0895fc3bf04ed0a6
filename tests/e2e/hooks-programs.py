# SPDX-License-Identifier: Apache-2.0
"""What a program tells of itself through memflow.py, and the programs that come from it by fork and exec."""
import collections
import json
import math
import shutil
import subprocess
import unittest

from end_to_end import SOURCE
from hooks_run import HooksTest
from pythons import PYTHON

MODULE = SOURCE / "collectors/hooks/python/memflow.py"
MARKS = """
import memflow
@memflow.track("decorated")
def function():
    return bytes(10002)
class Awkward:
    def __str__(self): raise KeyError
said = [memflow.active(), memflow.mark("\\u00e9\\udc80"), memflow.mark(Awkward())]
with memflow.track("phase"):
    kept = bytes(10001)
function()
said += [memflow.stop(), memflow.stop()]
kept = bytes(10003)
memflow.mark("in the pause")
said += [memflow.start(), memflow.start()]
kept = bytes(10004)
try:
    with memflow.track("fails"):
        raise KeyError
except KeyError:
    print(said)
"""
TREE = """
import os, subprocess, sys
bytes(20001)
if not os.fork():
    bytes(20002)
    os._exit(0)
os.wait()
subprocess.run([sys.executable, "-c", "bytes(20003)"], check=True)
subprocess.run(["/bin/true"], check=True)
os.execv(sys.executable, [sys.executable, "-c", "bytes(20004)"])
"""
TYPES = """
class Plain:
    def __init__(self): self.kept = [1]
class Slots:
    __slots__ = ("kept",)
    def __init__(self, kept): self.kept = kept
def work():
    for i in range(1000):
        for kept in (Plain(), Slots(3), bytearray(10), {i}, (value for value in ())):
            pass
        type("Passing%d" % (i % 3), (), {})()
work()
"""
CODE = """
def make(n):
    scope = {}
    exec("def f_%d():\\n" % n + "\\n" * (n % 50) + "  return bytes(4444)", scope)
    scope["f_%d" % n]()
for n in range(500):
    make(n)
"""
SAMPLED = """
class Record:
    __slots__ = ("name", "number")
    def __init__(self, number):
        self.name, self.number = str(number), float(number)
def work():
    kept = []
    for i in range(6000):
        record = Record(i + 10 ** 6)
        if i % 3 == 0:
            kept.append(record)
        buffer = bytearray(i % 2000)
        buffer.extend(bytes(i % 700))
    return kept
kept = work()
marker = bytes(1000003)
"""


class Programs(HooksTest):
    def story(self, *sizes):
        """Marks, programs and blocks of these sizes, in the order of the file."""
        told = []
        for line in (self.folder / "out/events.jsonl").read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            row = event.get("row")
            if event["type"] == "program.mark":
                told.append((row["kind"], row["name"]))
            elif event["type"] == "program.start":
                told.append((row["how"], row["process"]))
            elif event["type"] == "alloc.event" and row["op"] == "alloc" and row["size"] - 33 in sizes:
                told.append(("alloc", row["size"] - 33))
        return told

    def check_costs(self, processes):
        """A row for each process, which accounts for each event; what is estimated rests on one event in 1,024."""
        costs = {row["process"]: row for row in self.others["hooks.cost"]}
        self.assertEqual(sorted(costs), sorted(processes))
        for process, row in costs.items():
            events = sum(event.process == process for event in self.events)
            self.assertEqual((row["events"], row["lost"], row["threads"]), (events, 0, 1))
            self.assertLessEqual(abs(row["timed"] - events / 1024), 1 + events / 4096)
            self.assertEqual(row["in_agent"] is None, row["timed"] == 0)
            self.assertLess(row["start_up"], row["ran"])
            self.assertGreater(row["memory"], 256 << 10)
        main = costs[processes[0]]
        self.assertLess(main["in_agent"] + main["start_up"], main["ran"])

    def marked(self, *options):
        shutil.copy(MODULE, self.folder)
        return self.record(PYTHON, self.script(MARKS), options=("stacks=no", *options))

    def test_marks_stand_where_they_were_made(self):
        run = self.marked()
        self.assertEqual(run.stdout, "[True, True, False, True, True, True, True]\n")
        self.assertEqual(self.story(*range(10001, 10005))[1:], [
            ("point", "é?"), ("begin", "phase"), ("alloc", 10001), ("end", "phase"), ("begin", "decorated"),
            ("alloc", 10002), ("end", "decorated"), ("pause", None), ("point", "in the pause"), ("resume", None),
            ("alloc", 10004), ("begin", "fails"), ("end", "fails")])
        self.assertEqual(self.lost(), 0)
        self.assertEqual([event.sequence for event in self.events], list(range(1, len(self.events) + 1)))

    def test_a_program_that_starts_paused(self):
        self.marked("start=paused")
        self.assertEqual(self.story(*range(10001, 10005))[6:], [
            ("point", "in the pause"), ("resume", None), ("alloc", 10004), ("begin", "fails"), ("end", "fails")])
        first = self.events[0]
        self.assertEqual(self.others["program.mark"][-3]["kind"], "resume")
        self.assertGreaterEqual(first.time, self.others["program.mark"][-3]["time"])

    def test_the_module_without_an_agent(self):
        shutil.copy(MODULE, self.folder)
        script = self.script(MARKS + "import sys\nprint('ctypes' in sys.modules)\n")
        run = subprocess.run([PYTHON, script], capture_output=True, text=True, check=True)
        self.assertEqual(run.stdout, "[False, False, False, False, False, False, False]\nFalse\n")

    def test_types_of_what_is_freed(self):
        """Each is told, but for objects across the edge of a page; types that come and go at one address are not mixed up."""
        self.record(PYTHON, self.script(TYPES), options=["types=yes", "stacks=no"])
        freed = collections.Counter(event.type for event in self.events if event.type)
        self.assertTrue(all(event.op == "free" and event.domain == "obj" for event in self.events if event.type))
        for name in ("Plain", "Slots", "bytearray"):
            self.assertLessEqual(940, freed[name], name)
            self.assertLessEqual(freed[name], 1002 if name == "bytearray" else 1000, name)
        for name, count in (("Passing0", 334), ("Passing1", 333), ("Passing2", 333)):
            self.assertTrue(300 <= freed[name] <= count, (name, freed[name]))
        untyped = sum(event.op == "free" and event.domain == "obj" and not event.type for event in self.events)
        self.assertLess(untyped, sum(freed.values()) / 4)
        self.assertGreater(self.others["hooks.cost"][0]["for_types"], 0)
        self.assertEqual(self.lost(), 0)

    def sums(self, sampling=None):
        """Requested bytes, calls and live bytes of the domains mem and obj up to the marker, each with its standard error."""
        sums, live = collections.defaultdict(float), {}
        for event in self.events:
            if event.domain not in ("mem", "obj"):  # below it, pymalloc asks for its maps of arenas, in samples only
                continue
            if event.op in ("free", "realloc"):
                live.pop(event.address if event.op == "free" else event.old, None)
            if event.op in ("alloc", "realloc") and event.size:
                chance = 1 - math.exp(-event.size / sampling) if sampling else 1
                weights = ("bytes", event.size / chance), ("calls", 1 / chance)
                for name, weight in weights:
                    sums[name] += weight
                    sums[name + " error"] += weight ** 2 * (1 - chance)
                live[event.address] = weights[0][1], weights[0][1] ** 2 * (1 - chance)
            if event.size == 1000003 + 33:
                break
        sums["live"] = sum(value for value, error in live.values())
        sums["live error"] = sum(error for value, error in live.values())
        return sums

    def test_a_sample_stands_for_the_whole(self):
        script, fixed = self.script(SAMPLED), {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        self.record(PYTHON, script, options=["stacks=no"], environment=fixed)
        whole = self.sums()
        for malloc in ("no", "yes"):
            self.record(PYTHON, script, options=["mode=sample", "sample-every=4KiB", f"malloc={malloc}"], environment=fixed)
            self.assertEqual(self.others["program.start"][0]["sampling"], 4096)
            self.assertLess(len(self.events), 20000)
            sample = self.sums(4096)
            for name in ("bytes", "calls", "live"):
                error = math.sqrt(sample[name + " error"])
                self.assertLess(error, whole[name] / 5, name)
                self.assertLess(abs(sample[name] - whole[name]), 5 * error, name)
            self.assertEqual(self.lost(), 0)
            work = [event for event in self.events if "work" in event.functions]
            self.assertGreater(len(work), 500)

    def test_code_that_comes_and_goes_in_a_sample(self):
        self.record(PYTHON, self.script(CODE), options=["mode=sample", "sample-every=1KiB"])
        blocks = [event for event in self.events if event.op == "alloc" and event.size == 4444 + 33]
        self.assertGreater(len(blocks), 450)
        numbers = [int(event.functions[0][2:]) for event in blocks]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual([event.frames[0]["line"] for event in blocks], [2 + number % 50 for number in numbers])

    def test_a_sample_of_other_allocators(self):
        for setting in ("malloc", "debug"):
            self.record(PYTHON, self.script(SAMPLED), options=["mode=sample", "sample-every=4KiB"],
                        environment={"PYTHONMALLOC": setting})
            live, freed = set(), 0
            for event in self.events:
                if event.domain not in ("mem", "obj"):
                    continue
                if event.op in ("free", "realloc"):
                    live.remove(event.address if event.op == "free" else event.old)
                    freed += 1
                if event.op in ("alloc", "realloc"):
                    self.assertNotIn(event.address, live)
                    live.add(event.address)
            self.assertGreater(freed, 500, setting)
            self.assertEqual(self.lost(), 0)

    def test_what_a_sample_cannot_tell(self):
        for option in ("maps=yes", "types=yes"):
            sets = [word for setting in ("mode=sample", option) for word in ("--set", f"program.{setting}")]
            run = self.memflow("run", "hooks.ini", *sets, "--", PYTHON, "-c", "0")
            self.assertNotEqual(run.status, 0)
            self.assertIn("mode = full", run.stderr)

    def test_forked_and_hidden(self):
        self.record(PYTHON, self.script(TREE), options=["stacks=no"])
        programs = self.others["program.start"]
        self.check_costs([row["process"] for row in programs])
        self.assertEqual([row["how"] for row in programs], ["started", "forked"])
        self.assertEqual(programs[1]["parent"], programs[0]["process"])
        self.assertEqual([what for what in self.story(*range(20001, 20005)) if what[0] == "alloc"],
                         [("alloc", 20001), ("alloc", 20002)])

    def test_what_is_executed_is_followed(self):
        self.record(PYTHON, self.script(TREE), options=["follow=exec"])
        programs = self.others["program.start"]
        main = programs[0]["process"]
        self.assertEqual([(row["how"], row["parent"] == main, row["process"] == main) for row in programs], [
            ("started", False, True), ("forked", True, False), ("started", True, False), ("started", True, False),
            ("replaced", False, True)])
        self.assertEqual([row["python"] for row in programs], ["3.11"] * 3 + [None, "3.11"])
        self.assertEqual([row["stacks"] for row in programs], ["on"] * 3 + ["no-python", "on"])
        self.assertTrue(programs[3]["executable"].endswith("/true"))
        processes = [row["process"] for row in programs]
        story = self.story(*range(20001, 20005))
        self.assertEqual(story, [
            ("started", main), ("alloc", 20001), ("forked", processes[1]), ("alloc", 20002), ("started", processes[2]),
            ("alloc", 20003), ("started", processes[3]), ("replaced", main), ("alloc", 20004)])


if __name__ == "__main__":
    unittest.main()
