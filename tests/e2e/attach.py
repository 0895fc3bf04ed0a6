# SPDX-License-Identifier: Apache-2.0
"""The collector ptrace on running interpreters: the stacks that it reads are those that the interpreter itself names."""
import collections
import json
import os
import signal
import subprocess
import sys
import threading
import unittest

from attached import THREADS, AttachTest
from pythons import PYTHON, debian, of_pyenv

# All threads but the first one wait in known places; the first one says where, and waits for a line.
STANDING = THREADS + """
ready.wait()
import time
time.sleep(0.2)
frames = sys._current_frames()
print(json.dumps({t.native_id: list(stack(frames[t.ident])) for t in threads}), flush=True)
sys.stdin.readline()
"""
# A child that is copied, one that runs another program, one that runs the same again, and one of each child.
FAMILY = """
import os, subprocess, sys, time
def copied():
    time.sleep(30)
def spawn():
    return subprocess.Popen([sys.executable, "-c", "import time\\ndef other(): time.sleep(2)\\nother()"])
older = os.fork()
if not older:
    spawn()
    copied()
print(flush=True)
sys.stdin.readline()
child, sleep = spawn(), subprocess.Popen(["/bin/sleep", "30"])
brief = subprocess.Popen(["/bin/sleep", "0.3"])
sys.stdin.readline()
for process in (child, sleep, brief):
    process.kill()
os.kill(older, 9)
time.sleep(0.2)
"""
AGAIN = """
import os, sys, time
def first():
    time.sleep(0.2)
    os.execv(sys.executable, [sys.executable, "-c", "import time\\ndef second(): time.sleep(0.4)\\nsecond()"])
print(flush=True)
first()
"""
BUSY = """
def work(n):
    return work(n - 1) if n else sum(map(lambda x: x * 2, range(100)))
print(flush=True)
while True:
    work(20)
"""
# A thread that waits at one place, then at another, at the same depth; the first thread says how often that was until when.
HERE_AND_THERE = """
import sys, threading, time
waits = 0
def here():
    time.sleep(0.008)
def there():
    time.sleep(0.008)
def walk():
    global waits
    while True:
        here()
        there()
        waits += 2
threading.Thread(target=walk, daemon=True).start()
print(flush=True)
for line in sys.stdin:
    print(waits, time.monotonic(), flush=True)
"""


# Blocks of many sizes with holes between them. Nothing is allocated between the interpreter's own figures and its stop.
HEAP = """
import os, random, sys
random.seed(7)
kept = [bytes(random.randrange(460)) for i in range(12000)]
kept += [(i, str(i)) for i in range(4000)]
for i in range(0, len(kept), 3):
    kept[i] = None
stats, kill, process = sys._debugmallocstats, os.kill, os.getpid()
stats(); kill(process, 19)
"""
# Objects of own classes in known numbers, and what the garbage collector follows, by type.
OBJECTS = """
import collections, gc, json, os
class Node:
    def __init__(self, n): self.n, self.next = n, None
class Slot:
    __slots__ = ("a", "b")
kept = [Node(i) for i in range(3000)], [Slot() for i in range(2000)], [(i,) for i in range(1500)], [{i: i} for i in range(700)]
kept += [lambda: kept for i in range(300)], [[i] for i in range(400)], [{i} for i in range(250)]
kill, process, wanted = os.kill, os.getpid(), NAMES
def counted():
    counts = collections.Counter()
    for o in gc.get_objects():
        counts[type(o).__name__] += 1
    return json.dumps(dict(zip(wanted, map(counts.__getitem__, wanted))))
counted()  # what is made at the first call is there now
gc.collect()
gc.disable()
print(counted(), flush=True)
kill(process, 19)
""".replace("NAMES", repr({"Node", "Slot", "function", "wrapper_descriptor", "method_descriptor", "builtin_function_or_method", "list",
                           "member_descriptor", "getset_descriptor", "tuple", "dict", "set", "cell", "property", "classmethod",
                           "staticmethod", "method", "frozenset", "module"}))

LONG = "--long" in sys.argv
# Debian's and the newest one; with --long all that are installed.
INTERPRETERS = [debian(), *(of_pyenv() if LONG else sorted(of_pyenv(), key=lambda python: python.minor)[-1:])]


class Attach(AttachTest):
    # ---- stacks

    def check_standing(self, python, *options):
        process = self.target(python, "-c", STANDING)
        expected = {int(thread): stack for thread, stack in json.loads(process.stdout.readline()).items()}
        self.look(process, *options)
        seen = {}
        for row in self.samples:
            seen.setdefault(row["thread"], set()).add(json.dumps(self.stack_of(row)))
        self.assertEqual(set(seen), set(expected) | {process.pid})
        for thread, stack in expected.items():
            self.assertEqual(seen[thread], {json.dumps(stack)})
        self.assertEqual({json.loads(stack)[-1][0] for stack in seen[process.pid]}, {"<module>"})

    def test_stacks_are_those_that_the_interpreter_names(self):
        for python in INTERPRETERS:
            with self.subTest(python=python.name):
                self.check_standing(*python.command)
                print(f"# {python.name}: stacks equal")

    def test_a_process_that_stands_still_for_a_moment(self):
        self.check_standing(PYTHON, "stop=brief")
        process = self.target(PYTHON, "-c", BUSY)
        process.stdout.readline()
        self.look(process, "stop=brief", "interval=5ms", length="500ms")
        self.assertEqual(self.rows.get("core.lost"), None)
        functions = {tuple(frame["function"] for frame in row["stack"]) for row in self.samples if row["stack"]}
        for stack in functions:
            self.assertEqual(stack[-1], "<module>")
            self.assertLessEqual(set(stack), {"<lambda>", "work", "<module>", "work.<locals>.<lambda>"})
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            self.assertIn(file.read().rpartition(")")[2].split()[0], ("R", "S"), "it is left running")

    def test_a_thread_that_waits_here_and_there(self):
        for python in INTERPRETERS:
            process = self.target(*python.command, "-c", HERE_AND_THERE)
            process.stdout.readline()
            begin = self.ask(process)
            self.look(process, "interval=1ms", length="600ms")
            waits, seconds = (b - a for a, b in zip(begin, self.ask(process)))
            seen = [row["stack"][0]["function"] for row in self.samples if row["stack"] and row["thread"] != process.pid]
            times = collections.Counter(seen)
            changes = sum(a != b for a, b in zip(seen, seen[1:]))
            looked = (self.samples[-1]["time"] - self.samples[0]["time"]) / 1e9
            expected = waits / seconds * looked
            print(f"# {python.name}: {times['here']} times here, {times['there']} times there, {changes} of {expected:.0f} changes")
            self.assertGreater(times["here"] + times["there"], 0.9 * len(seen))
            self.assertGreater(min(times["here"], times["there"]), 0.3 * len(seen))
            self.assertGreater(changes, 0.6 * expected)

    def test_memory(self):
        process = self.target(PYTHON, "-c", "kept = bytearray(50_000_000)\nprint(1, flush=True)\ninput()")
        process.stdout.readline()
        self.look(process)
        rss = {row["rss"] for row in self.samples}
        self.assertTrue(all(50_000_000 < size < 120_000_000 for size in rss), rss)
        self.assertTrue(any(row["pss"] and 50_000_000 < row["pss"] <= row["rss"] for row in self.samples))

    # ---- the heap

    def check_heap(self, python):
        process = self.target(python, "-c", HEAP, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        classes, totals = self.figures_of_python(process)
        os.waitpid(process.pid, os.WUNTRACED)
        self.look(process, "heap=once", "when-full=block", "interval=1s")
        rows = [(row["size"], row["pools"], row["used"], row["available"]) for row in self.rows["pymalloc.class"]]
        self.assertEqual(rows, classes)
        told, = self.rows["pymalloc.total"]
        self.assertEqual({name: told[name] for name in totals}, totals)
        self.assertEqual(told["inconsistent_pools"], 0)
        blocks = self.rows["heap.block"]
        self.assertEqual(sum(row["size"] for row in blocks), told["total"])
        self.assertEqual(sum(row["state"] == "used" and row["kind"].endswith(" B") for row in blocks), sum(row[2] for row in rows))

    def test_the_heap_is_that_of_debugmallocstats(self):
        for python in INTERPRETERS:
            with self.subTest(python=python.name):
                self.check_heap(*python.command)
                print(f"# {python.name}: heap equal")

    def test_the_heap_of_a_process_that_goes_on(self):
        process = self.target(PYTHON, "-c", "print(flush=True)\nwhile True: kept = [str(i) * (i % 20) for i in range(3000)]")
        process.stdout.readline()
        for length in ("10s",) if LONG else ("500ms", "5s"):  # the longer one where it takes long to write all blocks
            self.look(process, "heap=repeatedly", "heap-every=20ms", "when-full=block", length=length)
            snapshots = self.rows["pymalloc.total"]
            if len(snapshots) > 1:
                break
        self.assertGreater(len(snapshots), 1)
        for row in self.rows["heap.snapshot"]:
            self.assertEqual(row["used"] + row["free"], row["total"])
        unsteady, pools = sum(row["inconsistent_pools"] for row in snapshots), sum(row["arenas"] for row in snapshots) * 63
        print(f"# {len(snapshots)} heaps, {sum(row['retried_pools'] for row in snapshots)} pools read again, {unsteady} unsteady")
        self.assertLess(unsteady, pools / 100)

    def test_objects_are_those_of_the_collector(self):
        for python in INTERPRETERS:
            with self.subTest(python=python.name):
                self.check_census(*python.command)
                print(f"# {python.name}: census equal")

    def check_census(self, python):
        process = self.target(python, "-c", OBJECTS)
        counted = json.loads(process.stdout.readline())
        os.waitpid(process.pid, os.WUNTRACED)
        self.look(process, "heap=once", "when-full=block", "interval=1s")
        found = collections.Counter()
        for row in self.rows["object.census"]:  # several types may have one name
            found[row["type"]] += row["count"]
        exact = set(counted) - {"tuple", "dict", "property", "cell"}
        self.assertGreater(len(exact), 10)
        self.assertEqual({name: found[name] for name in exact}, {name: counted[name] for name in exact})
        # Tuples and dicts without references are not followed by the garbage collector.
        self.assertTrue(all(found[name] >= counted[name] for name in ("tuple", "dict")))
        for name in ("property", "cell"):
            self.assertIn(found[name] - counted[name], (0, 1), f"{name}: one may not be followed")
        self.assertEqual(sum(found.values()), sum(row["used"] for row in self.rows["pymalloc.class"]))
        held = self.rows["pymalloc.arena"]
        self.assertEqual(sum(row["used_blocks"] for row in held), sum(found.values()))
        self.assertEqual([row["used"] for row in held], sorted(row["used"] for row in held))

    def test_the_c_heap_is_that_of_mallinfo(self):
        for tunables in ("", "glibc.malloc.tcache_count=0"):
            process = self.target("/usr/bin/env", f"GLIBC_TUNABLES={tunables}", os.environ["C_HEAP"])
            run = self.check_c_heap(process)
            self.assertIn("runs no Python", run.stderr)
            self.assertEqual(self.rows["glibc.total"][0]["cached_chunks"] == 0, tunables != "")

    def test_no_pymalloc(self):
        process = self.target("/usr/bin/env", "PYTHONMALLOC=malloc", PYTHON, "-c", "print(flush=True); input()")
        process.stdout.readline()
        self.assertIn("PYTHONMALLOC=malloc", self.look(process, "heap=once").stderr)
        self.assertNotIn("heap.snapshot", self.rows)

    # ---- what can go wrong

    def test_the_process_ends(self):
        process = self.target(PYTHON, "-c", "import time; time.sleep(0.5)")
        run = self.look(process, length="30s")
        self.assertGreater(len(self.samples), 10)
        self.assertIn("looks at process", run.stderr)
        killed = self.target(PYTHON, "-c", BUSY)
        os.kill(killed.pid, signal.SIGSTOP)
        killed.kill()
        killed.wait()
        self.assertIn(f"there is no process {killed.pid}", self.look(killed, status=1).stderr)

    def test_another_program_in_the_process(self):
        process = self.target("/bin/sh", "-c", f"sleep 0.3; exec {PYTHON} -c 'import time; time.sleep(0.5)'")
        run = self.look(process, length="30s")
        self.assertIn("runs no Python", run.stderr)
        self.assertEqual({row["epoch"] for row in self.samples if row["stack"]}, {1})
        self.assertEqual({row["epoch"] for row in self.samples if not row["stack"]} - {1}, {0})

    def test_the_same_program_again(self):
        for python in INTERPRETERS:
            process = self.target(*python.command, "-c", AGAIN)
            process.stdout.readline()
            self.look(process, "interval=1ms", length="30s")
            functions = {(row["epoch"], row["stack"][0]["function"]) for row in self.samples if row["stack"]}
            self.assertLessEqual({(0, "first"), (1, "second")}, functions)
            self.assertNotIn((0, "second"), functions)
            self.assertNotIn((1, "first"), functions)

    # ---- children

    def test_children(self):
        process = self.target(PYTHON, "-c", FAMILY)
        process.stdout.readline()
        threading.Timer(0.4, lambda: self.tell(process)).start()
        threading.Timer(1.2, lambda: self.tell(process)).start()
        self.look(process, "tree=yes", length="30s")
        seen = {}
        for row in self.samples:
            functions = {frame["function"] for frame in row["stack"] or []}
            seen.setdefault(row["input"].partition(":")[0], []).append((row["epoch"], functions))
        self.assertEqual(len(seen), 6, seen.keys())
        self.assertIn(f"process {process.pid}", seen)
        run = collections.Counter(name for rows in seen.values() for name in ("copied", "other") if any(name in row[1] for row in rows))
        self.assertEqual(run, {"copied": 1, "other": 2})
        self.look(self.target(PYTHON, "-c", BUSY), length="300ms")
        self.assertEqual(len({row["input"] for row in self.samples}), 1)

    def ask(self, process):
        self.tell(process)
        return [float(word) for word in process.stdout.readline().split()]

    @staticmethod
    def tell(process):
        process.stdin.write("\n")
        process.stdin.flush()

    def test_no_process(self):
        self.assertIn("no process: give its number", self.memflow("run", "configs/attach.ini").stderr)

    def test_what_may_not_be_read(self):
        if os.geteuid() != 0:
            self.skipTest("needs two users")
        process = self.target(PYTHON, "-c", "import time; time.sleep(60)")
        os.chmod(self.temporary, 0o755)
        os.chmod(self.folder, 0o777)
        try:
            run = self.memflow("run", "configs/attach.ini", "--for", "300ms", "--set", f"target.pid={process.pid}", user=65534)
        except PermissionError:
            self.skipTest("the other user may not enter the folder of this build")
        self.assert_run(run)
        self.assertIn("only the size of its resident set is watched", run.stderr)
        self.assertIn("CAP_SYS_PTRACE", run.stderr)


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit(77)
    unittest.main(argv=[word for word in sys.argv if word != "--long"])
