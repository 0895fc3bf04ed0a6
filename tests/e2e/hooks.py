# SPDX-License-Identifier: Apache-2.0
"""The collector hooks on programs that end badly, fork, have many threads, or are no Python at all."""
import collections
import json
import os
import signal
import unittest

from hooks_run import HooksTest
from pythons import PYTHON, debian, of_pyenv
from recorded_programs import FORK, SHORT_THREADS, THREADS

KILLED = """
import os, signal
def last():
    return [bytes(7777) for i in range(1000)]
kept = last()
os.kill(os.getpid(), signal.%s)
"""
RECURSION = """
def down(n):
    return down(n - 1) if n else bytes(9999)
import sys
sys.setrecursionlimit(5000)
down(1000)
"""
# Two interpreters beside the main one, each in the main thread and in one of its own; since 3.12 the first has its own lock.
SUB_INTERPRETERS = """
import sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
isolation = ([{}, {}] if sys.version_info < (3, 12) else [{"isolated": True}, {"isolated": False}])
made = ([interpreters.create(kind) for kind in ("isolated", "legacy")] if sys.version_info >= (3, 13) else
        [interpreters.create(**how) for how in isolation])
run = getattr(interpreters, "exec", None) or interpreters.run_string
CODE = "def inner(): return [bytes(7000 + %d) for i in range(100)]\\ninner()"
for n, one in enumerate(made): run(one, CODE % n)
threads = [threading.Thread(target=run, args=(one, CODE % (10 + n))) for n, one in enumerate(made)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for one in made: interpreters.destroy(one)
"""
GREENLETS = """
import greenlet
def deep(n, size):
    if n:
        return deep(n - 1, size)
    bytes(size)
    main.switch()
    return bytes(size + 50)
def run(k):
    for i in range(100):
        deep(k, 7000 + k)
main = greenlet.getcurrent()
greens = [greenlet.greenlet(run) for k in range(3)]
for k, g in enumerate(greens): g.switch(k)
while not all(g.dead for g in greens):
    for g in greens:
        if not g.dead: g.switch()
"""
CODE = """
def make(n):
    scope = {}
    exec("def f_%d():\\n" % n + "\\n" * (n % 50) + "  return bytes(4444)", scope)
    scope["f_%d" % n]()
for n in range(500):
    make(n)
"""


class Hooks(HooksTest):
    def sized(self, size):
        return [event for event in self.events if event.size == size]

    def check_sequences(self):
        by_thread = collections.defaultdict(list)
        for event in self.events:
            by_thread[event.thread].append(event.sequence)
        for numbers in by_thread.values():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(self.lost(), 0)

    def check_order(self):
        """Of one thread by time; and no address is given out again before its free was told, by whichever thread."""
        last, live = collections.defaultdict(int), set()
        for event in self.events:
            self.assertGreaterEqual(event.time, last[event.thread])
            last[event.thread] = event.time
            if event.domain == "raw":  # a realloc there may overtake another thread: a documented limit
                continue
            live.discard(event.old if event.op == "realloc" else event.address if event.op == "free" else None)
            if event.op in ("alloc", "realloc"):
                self.assertNotIn(event.address, live)
                live.add(event.address)

    # ---- how programs end

    def test_the_program_keeps_its_output_and_status(self):
        script = self.script("import sys\nprint(sys.stdin.read() + '!')\nprint('bad', file=sys.stderr)\nsys.exit(7)\n")
        run = self.record(PYTHON, script, "argument", status=7, feed=b"hello")
        self.assertEqual(run.stdout, "hello!\n")
        self.assertIn("bad\n", run.stderr)
        self.assertEqual(self.others["core.run"][-1]["program_status"], 7)

    def test_signals(self):
        for name in ("SIGKILL", "SIGSEGV", "SIGABRT"):
            self.record(PYTHON, self.script(KILLED % name), status=128 + getattr(signal, name))
            blocks = [event for event in self.sized(7810) if "last" in event.functions]
            self.assertEqual(len(blocks), 1000, name)
            self.check_sequences()

    def test_a_command_that_does_not_exist(self):
        run = self.memflow("run", "hooks.ini", "--", "/nonexistent/python3")
        self.assertEqual(run.status, 1)
        self.assertIn("cannot start the program '/nonexistent/python3'", run.stderr)

    def test_no_command(self):
        run = self.memflow("run", "hooks.ini")
        self.assertNotEqual(run.status, 0)
        self.assertIn("--", run.stderr)

    def test_the_program_does_not_see_the_agent(self):
        script = self.script("import os\nprint(sorted(n for n in os.environ if 'MEMFLOW' in n or 'PRELOAD' in n))\n"
                             "print(len(os.listdir('/proc/self/fd')))")
        run = self.record(PYTHON, script)
        self.assertEqual(run.stdout, "[]\n4\n")

    # ---- programs without a Python

    def test_native(self):
        run = self.record("/bin/true")
        self.assertEqual(self.events, [])
        self.assertIn("no Python ran in it", run.stderr)
        self.record("/usr/bin/sort", "/etc/passwd", options=["malloc=yes"])
        self.assertEqual({event.domain for event in self.events}, {"malloc"})
        self.check_sequences()

    def test_a_python_behind_a_shell(self):
        self.record("/bin/sh", "-c", f"exec {PYTHON} -c 'bytes(12345)'")
        self.assertEqual(len(self.sized(12345 + 33)), 1)

    # ---- threads and processes

    def test_threads(self):
        self.record(PYTHON, self.script(THREADS))
        for n in range(100):
            self.assertEqual(len([e for e in self.sized(2033 + n) if "work" in e.functions]), 100)
        self.check_sequences()
        self.check_order()

    def test_short_threads(self):
        self.record(PYTHON, self.script(SHORT_THREADS), options=["threads=4"])
        self.assertEqual(len(self.sized(3366)), 1000)
        self.check_sequences()

    def test_fork(self):
        self.record(PYTHON, self.script(FORK))
        processes = set()
        for n in range(8):
            blocks = [event for event in self.sized(5033 + n) if "child" in event.functions]
            self.assertEqual(len(blocks), 100)
            processes |= {event.process for event in blocks}
        self.assertEqual(len(processes), 8)
        self.check_sequences()

    # ---- exactness

    def test_recursion(self):
        self.record(PYTHON, self.script(RECURSION))
        block, = self.sized(10032)
        self.assertEqual(block.functions, ["down"] * 1001 + ["<module>"])

    def test_code_that_comes_and_goes(self):
        self.record(PYTHON, self.script(CODE))
        blocks = self.sized(4444 + 33)
        self.assertEqual([e.functions[:2] for e in blocks], [[f"f_{n}", "make"] for n in range(500)])
        self.assertEqual([e.frames[0]["line"] for e in blocks], [2 + n % 50 for n in range(500)])

    def test_live_bytes_are_those_of_tracemalloc(self):
        self.check_tracemalloc(debian())

    def test_sub_interpreters(self):
        newest = max(of_pyenv(), key=lambda one: one.minor, default=debian())
        for interpreter in {one.minor: one for one in (debian(), newest)}.values():
            self.record_on(interpreter, self.script(SUB_INTERPRETERS))
            for n in (0, 1, 10, 11):
                blocks = [event for event in self.sized(7033 + n) if "inner" in event.functions]
                self.assertEqual([event.functions[-1] for event in blocks], ["<module>"] * 100, (interpreter, n))
            self.check_sequences()

    def test_greenlets(self):
        self.record(PYTHON, self.script(GREENLETS))
        for n in range(3):
            self.assertEqual([e.functions for e in self.sized(7033 + n)], [["deep"] * (n + 1) + ["run"]] * 100)
            self.assertEqual([e.functions for e in self.sized(7083 + n)], [["deep"] * (n + 1) + ["run"]] * 100)

    def test_malloc_is_not_counted_twice(self):
        self.record(PYTHON, "-c", "for i in range(100): bytes(12345)", options=["malloc=yes"])
        self.assertEqual([e.domain for e in self.sized(12345 + 33)], ["obj"] * 100)
        self.assertIn("malloc", {event.domain for event in self.events})
        self.check_sequences()

    def test_what_is_dropped_is_counted(self):
        command = PYTHON, self.script("for i in range(30000): bytes(1000)")
        fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        self.record(*command, environment=fixed)
        calls = len(self.events)
        self.assertEqual(self.lost(), 0)
        self.record(*command, options=["full-ring=drop", "ring=16KiB"], environment=fixed)
        self.assertGreater(self.lost(), 0)
        self.assertEqual(len(self.events) + self.lost(), calls)
        self.assertEqual(self.others["core.run"][-1]["outcome"], "incomplete")


if __name__ == "__main__":
    unittest.main()
