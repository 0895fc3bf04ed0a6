# SPDX-License-Identifier: Apache-2.0
"""Programs that grow in exactly one way, each time they are told to: the analyzer growth has to name it, and the parts have to add
up to the resident set."""
import concurrent.futures
import json
import re
import signal
import subprocess
import sys
import time
import unittest

from end_to_end import EndToEnd
from pythons import PYTHON, of_pyenv

GROWN = 24 << 20
PROGRAM = """
import ctypes, mmap, sys, threading
MIB, kept, libc = 1 << 20, [], ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def objects(n):
    kept.append([(i, i) for i in range(1000, 1000 + n // 100)])
def large(n):
    kept.extend(bytearray(MIB) for i in range(n // MIB))
def chunks(n):
    kept.extend(bytearray(2000) for i in range(n // 2000))
def pinned(n):
    many = [(i, i) for i in range(n // 100)]
    kept.extend(many[::300])
def retention(n):
    many = [libc.malloc(1000) for i in range(n // 1000)]
    for block in many:
        ctypes.memset(block, 1, 1000)
    kept.append(libc.malloc(1000))
    for block in many:
        libc.free(block)
def shared(n):
    kept.append(mmap.mmap(-1, n))
    kept[-1].write(b"x" * n)
def private(n):
    kept.append(mmap.mmap(-1, n, flags=mmap.MAP_PRIVATE))
    kept[-1].write(b"x" * n)
def stacks(n):
    def deep(left):
        if left:
            return sorted([0], key=lambda _: deep(left - 1))
        ready.wait()
        threading.Event().wait()
    ready = threading.Barrier(61)
    for i in range(60):
        kept.append(threading.Thread(target=deep, args=(400,), daemon=True))
        kept[-1].start()
    ready.wait()
def nothing(n):
    many = [bytearray(500) for i in range(200)]
sys.setrecursionlimit(10000)
nothing(0)
zeros = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE)
sum(zeros[i] for i in range(0, 1 << 20, 4096))  # read before they are written, pages are present and not resident
print(flush=True)
for line in sys.stdin:
    globals()[line.strip()](GROWN)
    print(flush=True)
""".replace("GROWN", str(GROWN))

# One thread makes it grow, one works, two wait. The one that makes it grow works in between, so that it is seen at it.
LEAK = """
import queue, threading, time
kept = []
def leak():
    for i in range(20000):
        kept.append([i] * 5)
        sum(range(30))
def busy():
    while True:
        sum(range(20000))
threading.Thread(target=busy, daemon=True).start()
threading.Thread(target=queue.Queue().get, daemon=True).start()
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
print(flush=True)
while True:
    leak()
    time.sleep(0.02)
"""
# A C heap of which most was never touched.
UNTOUCHED = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
kept = [libc.malloc(100000) for i in range(300)]
print(flush=True)
input()
"""
# Rows of process.memory are printed as they come: the test waits for them.
CONFIGURATION = """
[pipeline]
name = growth
output = reports
[collector target]
plugin = ptrace
heap = repeatedly
heap-every = 100ms
c-heap = yes
when-full = block
[analyzer growth]
[format report]
plugin = text
path = report.txt
from = growth
[format document]
plugin = json
from = growth
[format moments]
plugin = text
from = target
live = process.memory
"""

# What the verdict says, the row of the table, and the least that it has to have grown by. Threads touch only what they use.
WAYS = {
    "objects": ("what grew: Python objects", "Python objects", 0.5),
    "large": ("large blocks of the C heap", "C heap, large blocks", 0.9),
    "chunks": ("blocks of the C heap in use", "C heap, used", 0.9),
    "pinned": ("that a few objects keep", "arenas of pymalloc, free", 0.5),
    "retention": ("was freed and that the C library keeps", "C heap, free", 0.9),
    "shared": ("memory that processes share", "shared memory", 0.9),
    "private": ("outside of all heaps", "other mappings", 0.9),
    "stacks": ("stacks of threads", "stacks of threads", 0.2),
    "nothing": ("does not grow", None, 0),
}


LONG = "--long" in sys.argv


class Growth(EndToEnd):
    def wait_for_moment(self, memflow, after):
        """Returns when the last row of a moment has come that was later in the run, in seconds."""
        for line in memflow.stdout:
            moment = re.match(rb"\s*([0-9.]+) s +all\b", line)
            if moment and float(moment.group(1)) > after:
                return
        self.fail(memflow.stderr.read().decode())

    def grow(self, python, way):
        """Lets a program grow between two readings of its heap; returns the report and the rows by type."""
        folder = self.new_folder(f"{way} {abs(hash(python))}")
        (folder / "growth.ini").write_text(CONFIGURATION)
        with subprocess.Popen([python, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                process.stdout.readline()
                start = time.monotonic()  # the clock of the run begins later
                memflow = self.start("run", "growth.ini", "--set", f"target.pid={process.pid}", folder=folder)
                self.wait_for_moment(memflow, 0)
                process.stdin.write(way + "\n")
                process.stdin.flush()
                process.stdout.readline()
                taken = time.monotonic() - start
                self.wait_for_moment(memflow, taken * 1.25 + 0.2)  # the end of the set is more than an eighth of all looks
                memflow.send_signal(signal.SIGINT)
                _, errors = memflow.communicate(timeout=60)
            finally:
                process.kill()
        self.assertEqual(memflow.returncode, 130, errors.decode())
        rows = {}
        for event in json.loads((folder / "reports/growth.json").read_text())["events"]:
            rows.setdefault(event["type"], []).append(event["row"])
        return (folder / "reports/report.txt").read_text(), rows

    def check(self, python, way):
        report, rows = self.grow(python, way)
        words, name, least = WAYS[way]
        said = {row["subject"]: row["text"] for row in rows["report.statement"]}
        self.assertIn(words, said["growth"], report)
        parts = {row["part"]: row for row in rows["growth.part"]}
        whole = parts.pop("resident set")
        residual = parts.pop("residual")
        self.assertEqual(sum(row["last"] for row in parts.values()) + residual["last"], whole["last"])
        self.assertLessEqual(residual["last"], max(whole["last"] // 100, 256 << 10), "the residual")
        if not name:
            self.assertNotIn("what grew", said["growth"])
            return
        run = {"objects": "attach-hooks", "large": "attach-hooks", "pinned": "attach-heap", "retention": "attach-heap"}.get(way)
        if run:
            self.assertRegex(said["next"], rf"memflow run {run} --set \w+\.pid=\d+$")
        self.assertEqual(max(parts.values(), key=lambda row: row["change"])["part"], name, report)
        self.assertGreater(parts[name]["change"], GROWN * least)
        if way == "objects":
            self.assertRegex(said["types"], r"tuple \+\d")
            tuples, = [row for row in rows["growth.type"] if row["type"] == "tuple"]
            self.assertGreater(tuples["count"] - tuples["first_count"], GROWN // 100 - 100, "some come from the free list")
        if way == "pinned":
            self.assertRegex(said["arenas"], r"\d+ of \d+ arenas are at most a quarter full")

    def check_all(self, python):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for way, future in [(way, pool.submit(self.check, python, way)) for way in WAYS]:
                with self.subTest(way=way):
                    future.result()

    def test_each_way_is_named(self):
        self.check_all(PYTHON)

    def test_other_interpreters(self):
        if not LONG:
            self.skipTest("only with --long")
        for python in of_pyenv():
            with self.subTest(python=python.name):
                self.check_all(*python.command)

    def test_reading_a_heap_does_not_make_it_resident(self):
        def resident():
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
                return int(re.search(r"VmRSS:\s*(\d+) kB", file.read()).group(1)) * 1024
        with subprocess.Popen([PYTHON, "-c", UNTOUCHED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            before = resident()
            run = self.memflow("run", "configs/attach-growth.ini", "--for", "300ms", "--set", f"target.pid={process.pid}")
            grown = resident() - before
            process.kill()
        self.assert_run(run)
        print(f"# measured read-heap-resident {grown} B <= 300000")
        self.assertLess(grown, 300000)

    def test_the_code_that_ran(self):
        with subprocess.Popen([PYTHON, "-c", LEAK], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            run = self.memflow("run", "configs/attach.ini", "--for", "1s", "--set", f"target.pid={process.pid}", "--set",
                               "target.interval=1ms")
            process.kill()
        self.assert_run(run)
        self.assertRegex(run.stdout, r"python3 grows: by [\d,]+ B")
        rows = [json.loads(line) for line in (self.folder / "reports/attach.jsonl").read_text().splitlines()]
        sites = [event["row"] for event in rows if event["type"] == "growth.site"]
        leaking = sum(row["bytes"] for row in sites if "leak" in row["site"])
        whole = sum(row["bytes"] for row in sites)
        print(f"# {100 * leaking / whole:.0f} % of {whole} B are said to come from the function that grows")
        self.assertGreater(leaking, whole / 5, "the other thread runs, too, and looks are samples")
        for row in sites:
            self.assertNotRegex(row["site"], "queue|get$", "one that waits")
            self.assertLessEqual(row["least"], row["bytes"] + 1)
            self.assertLessEqual(row["bytes"], row["most"] + 1)
        document = json.loads((self.folder / "reports/attach.speedscope.json").read_text())
        looks, growth = document["profiles"]
        self.assertEqual((looks["unit"], growth["unit"]), ("none", "bytes"))
        self.assertLess(abs(growth["endValue"] - whole), 100)
        names = {document["shared"]["frames"][stack[-1]]["name"] for stack in growth["samples"]}
        self.assertIn("leak", names)


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
