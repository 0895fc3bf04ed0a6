# SPDX-License-Identifier: Apache-2.0
"""What can go wrong while a process is looked at: it ends, becomes another, starts others, may not be read or stopped, or is none
that can be read. Each is said clearly, and the process is left as it was found."""
import ctypes
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

from attached import AttachTest
from end_to_end import SOURCE
from pythons import PYTHON, of_pyenv

LONG = "--long" in sys.argv
STEADY = str(SOURCE / "tests/programs/steady.py")
BUSY = "def work(n):\n    return work(n - 1) if n else sum(range(50))\nprint(flush=True)\nwhile True: work(20)"
HEAVY = "kept = [(i, str(i)) for i in range(40000)]\nprint(flush=True)\nwhile True: kept[::3] = [(i, str(i)) for i in kept[::3]]"
FORKING = """
import os
kept = [str(i) for i in range(3000)]
print(flush=True)
while True:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
"""
AGAIN = """
import os, sys, time
if sys.argv[1] == "0": print(flush=True)
end = time.monotonic() + 0.1
while time.monotonic() < end: kept = [str(i) for i in range(1000)]
os.execv(sys.executable, [sys.executable, "-c", CODE, str(int(sys.argv[1]) + 1)])
"""
SEIZE, DETACH = 0x4206, 17


def state_of(process):
    try:
        with open(f"/proc/{process}/status", encoding="utf-8") as file:
            return re.search(r"^State:\s+(\S)", file.read(), re.M).group(1)
    except FileNotFoundError:
        return None


def states_of_threads(process):
    return {task.name: state_of(f"{process}/task/{task.name}") for task in Path(f"/proc/{process}/task").iterdir()}


class AttachFaults(AttachTest):
    def assert_runs(self, process):
        for _ in range(100):
            states = states_of_threads(process.pid)
            if set(states.values()) <= {"R", "S", "D"}:
                return
            time.sleep(0.02)
        self.fail(f"threads of {process.pid}: {states}")

    def assert_no_tracer(self, process):
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            self.assertIn("TracerPid:\t0\n", file.read())

    def begin(self, code, *words):
        process = self.target(PYTHON, "-c", code, *words)
        process.stdout.readline()
        return process

    def begin_looking(self, process, *options, length="30s"):
        sets = [word for option in options for word in ("--set", f"target.{option}")]
        return self.start("run", "configs/attach.ini", "--for", length, "--set", f"target.pid={process.pid}", *sets)

    # ---- it ends, becomes another, starts others

    def test_killed_at_any_moment(self):
        random.seed(3)
        for i in range(40 if LONG else 3):
            process = self.begin(HEAVY)
            looking = self.begin_looking(process, "interval=1ms", "heap=repeatedly", "heap-every=10ms", f"c-heap={'yes' if i % 2 else 'no'}",
                                         f"stop={'brief' if i % 3 == 0 else 'never'}")
            time.sleep(random.random() * 0.5)
            process.kill()
            process.wait()
            _, said = looking.communicate(timeout=60)
            self.assertIn(looking.returncode, (0, 1), said.decode())
            if looking.returncode:  # it was killed before the first look
                self.assertRegex(said.decode(), "there is no process|ended before it was seen")
            self.assertNotIn("CRITICAL", said.decode())

    def test_it_ends_by_itself(self):
        for stop, heap in (("never", "no"), ("brief", "repeatedly")):
            process = self.target(PYTHON, "-c", "import threading, time\nfor i in range(5): threading.Thread(target=time.sleep, "
                                  "args=(0.3,)).start()\nprint(flush=True)\ntime.sleep(0.4)")
            process.stdout.readline()
            run = self.look(process, "interval=1ms", f"stop={stop}", f"heap={heap}", "heap-every=10ms", "c-heap=yes", length="30s")
            self.assertIn(f"looks at process {process.pid}, which has ended", run.stderr)
            self.assertEqual(process.wait(), 0)

    def test_it_executes_itself_again_and_again(self):
        process = self.begin(AGAIN.replace("CODE", "sys.orig_argv[2]") if sys.version_info >= (3, 10) else AGAIN, "0")
        self.look(process, "interval=1ms", "stop=brief", length="5s" if LONG else "800ms")
        self.assertGreater(len({row["epoch"] for row in self.samples}), 2)
        self.assertIn("<module>", {row["stack"][-1]["function"] for row in self.samples if row["stack"]})
        self.assert_runs(process)
        self.assert_no_tracer(process)

    def test_it_forks(self):
        process = self.begin(FORKING)
        run = self.look(process, "interval=1ms", "stop=brief", "heap=repeatedly", "heap-every=100ms", "c-heap=yes", length="5s" if LONG else "300ms")
        self.assertEqual(run.status, 0)
        self.assert_runs(process)
        self.assert_no_tracer(process)
        children = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "stat="], capture_output=True, text=True, check=False).stdout
        self.assertLessEqual(len(children.split()), 1, "it waits for each child itself")

    # ---- what may not be read, or cannot be

    def test_another_user_gets_the_resident_set(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        process = self.begin(BUSY)
        os.chmod(self.temporary, 0o755)
        os.chmod(self.folder, 0o777)
        run = self.memflow("run", "configs/attach.ini", "--for", "300ms", "--set", f"target.pid={process.pid}", "--set", "target.stop=brief",
                           "--set", "target.heap=once", "--set", "target.c-heap=yes", user=65534)
        self.assert_run(run)
        self.assertIn("only the size of its resident set is watched", run.stderr)
        self.assert_runs(process)

    def patched(self, path, name, change):
        """A copy of a file of an interpreter in which some bytes are others."""
        data = bytearray(Path(path).read_bytes())
        change(data)
        copy = self.folder / name
        copy.write_bytes(data)
        copy.chmod(0o755)
        return copy

    def test_an_unknown_version(self):
        real, prefix = os.path.realpath(PYTHON), sys.base_prefix
        known = struct.pack("<Q", sys.hexversion)

        def change(data):
            at = data.find(known)
            self.assertGreater(at, 0)
            while at >= 0:
                data[at:at + 8] = struct.pack("<Q", 0x032a00f0)
                at = data.find(known, at + 8)
        if not Path(f"/proc/{os.getpid()}/exe").exists() or known not in Path(real).read_bytes():
            self.skipTest("the interpreter keeps its version elsewhere")
        python = self.patched(real, "python3.42", change)
        process = self.target("/usr/bin/env", f"PYTHONHOME={prefix}", python, "-c", BUSY)
        process.stdout.readline()
        self.assertIn("runs Python 3.42, which is not one of those that can be read", self.look(process).stderr)
        self.assertTrue(all(row["rss"] and not row["stack"] for row in self.samples))

    def test_a_free_threaded_build(self):
        """None is packaged; its mark in what the interpreter tells of itself is set in a copy of another."""
        pythons = [python for python in of_pyenv() if python.minor == 13]
        if not pythons:
            self.skipTest("no Python 3.13")
        real = Path(os.path.realpath(pythons[0].command[0]))
        library = next(iter(sorted(real.parent.parent.glob("lib/libpython3.13.so.*"))), None)

        def change(data):
            for found in list(re.finditer(b"xdebugpy", data)):
                if data[found.end() + 2:found.end() + 4] == b"\x0d\x03":  # a version of 3.13 follows
                    data[found.end() + 8:found.end() + 16] = struct.pack("<Q", 1)
        copy = self.patched(library or real, library.name if library else "python3.13", change)
        python = real if library else copy
        process = self.target("/usr/bin/env", f"PYTHONHOME={real.parent.parent}", f"LD_LIBRARY_PATH={self.folder}", python, "-c", BUSY)
        process.stdout.readline()
        self.assertIn("free-threaded Python, whose frames and allocator are others", self.look(process).stderr)

    def test_no_python(self):
        process = self.target("/bin/sleep", "60")
        self.assertIn("runs no Python", self.look(process, "stop=brief", "heap=once").stderr)
        self.assert_runs(process)

    def test_the_debug_mode_of_the_allocator(self):
        code = "class Own:\n    __slots__ = ()\nkept = [Own() for i in range(3000)]\nprint(flush=True)\ninput()"
        for python in [PYTHON, *(path for known in of_pyenv() for path in known.command if LONG)]:
            process = self.target("/usr/bin/env", "PYTHONMALLOC=debug", python, "-c", code)
            process.stdout.readline()
            run = self.look(process, "heap=once", "when-full=block", "interval=1s")
            self.assertIn("is in debug mode (PYTHONMALLOC=debug, -X dev): each block is 24 bytes larger", run.stderr)
            self.assertEqual(sum(row["count"] for row in self.rows["object.census"] if row["type"] == "Own"), 3000)

    # ---- it is stopped or traced by somebody else

    def test_stopped_before(self):
        process = self.begin(BUSY)
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        self.look(process, "stop=brief", "interval=1ms", "heap=once", "c-heap=yes", "when-full=block")
        self.assertTrue(any(row["stack"] for row in self.samples))
        self.assertEqual(set(states_of_threads(process.pid).values()), {"T"}, "it stays stopped")
        os.kill(process.pid, signal.SIGCONT)
        self.assert_runs(process)

    def test_traced_by_another(self):
        libc = ctypes.CDLL(None, use_errno=True)
        process = self.begin(BUSY)
        if libc.ptrace(SEIZE, process.pid, None, None):
            self.skipTest(f"may not trace: {os.strerror(ctypes.get_errno())}")
        run = self.look(process, "stop=brief", "heap=once", "c-heap=yes", "when-full=block")
        self.assertEqual(run.stderr.count("its stacks are read while it runs"), 1, run.stderr)
        self.assertEqual(run.stderr.count("another debugger holds it"), 2, "once for the stacks, once for the C heap")
        self.assertTrue(any(row["stack"] for row in self.samples))
        self.assertEqual({row["heap"] for row in self.rows["heap.snapshot"]}, {"pymalloc"})
        self.assert_runs(process)

    def test_memflow_dies_while_the_process_stands(self):
        """The kernel lets it go."""
        process = self.target("/usr/bin/env", "PYTHONMALLOC=malloc", PYTHON, "-c", HEAVY)
        process.stdout.readline()
        standing, wanted = 0, 20 if LONG else 2
        for _ in range(20 * wanted):
            if standing == wanted:
                break
            looking = self.begin_looking(process, "heap=repeatedly", "heap-every=10ms", "c-heap=yes")
            for _ in range(200000):
                if state_of(process.pid) == "t":
                    break
                self.assertIsNone(looking.poll())
            looking.kill()
            stood = state_of(process.pid)
            looking.wait()
            self.assert_runs(process)
            self.assert_no_tracer(process)
            standing += stood == "t"
        print(f"# killed {standing} times while the process stood")
        self.assertEqual(standing, wanted)

    # ---- again and again

    def test_attached_again_and_again(self):
        """What a program prints that computes, waits, talks and starts others is what it prints alone."""
        rounds, cycles = (4000, 500) if LONG else (300, 10)
        alone = self.target(PYTHON, STEADY, str(rounds))
        expected = alone.communicate(timeout=600)[0]
        process = self.target(PYTHON, STEADY, str(rounds))
        process.stdout.readline()
        done = 0
        while process.poll() is None and done < cycles:
            words = [os.environ["SAMPLE_STACKS"], str(process.pid), "20", "100000", "brief"]
            if done % 25 == 5:
                run = self.memflow("run", "configs/attach.ini", "--for", "200ms", "--set", f"target.pid={process.pid}", "--set",
                                   "target.heap=once", "--set", "target.c-heap=yes", "--set", "target.stop=brief")
                self.assertIn(run.status, (0, 1), run.stderr)
            else:
                subprocess.run(words, capture_output=True, check=False)
            done += 1
        print(f"# {done} times attached and detached, each with 20 stops")
        self.assertGreater(done, 1)
        said = process.stdout.read()
        self.assertEqual(process.wait(), 0)
        self.assertEqual(said.strip(), expected.strip())


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit(77)
    unittest.main(argv=[word for word in sys.argv if word != "--long"])
