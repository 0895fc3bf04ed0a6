# SPDX-License-Identifier: Apache-2.0
"""The collector hooks attached to processes that run already: what they do from then on is recorded, and they end as if nothing
had been. --long: more often, and on a Python of a later Debian."""
import collections
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from end_to_end import COMMAND, ENVIRONMENT
from hooks_run import TRACEMALLOC, HooksTest
from pythons import PYTHON, debian, debian_root, of_pyenv

LONG = "--long" in sys.argv
# Python's own figures of pymalloc are printed only when nothing is in front of it.
EPILOGUE = """
import os, sys
kept = [bytes(1000) for i in range(1000)]
def is_alone():
    ends = os.pipe()
    saved = os.dup(2)
    os.dup2(ends[1], 2)
    os.set_blocking(ends[1], False)
    sys._debugmallocstats()
    os.dup2(saved, 2)
    os.close(ends[1])
    return b'Small block threshold' in os.read(ends[0], 65536)
print("alone" if is_alone() else "not alone", flush=True)
sys.exit(7)
"""
# Each waits in a place of its own, until the test says go on or a time is over, and prints what it found.
PLACES = {
    "sleep": "t = time.monotonic(); time.sleep(0.9); print(0.8 < time.monotonic() - t < 10, flush=True)",
    "read": "print(sys.stdin.readline().strip() == 'go', flush=True)",
    "select": "print(select.select([sys.stdin], [], [], 20)[0] == [sys.stdin], flush=True)",
    "futex": "lock = threading.Lock(); lock.acquire(); threading.Timer(0.9, lock.release).start(); print(lock.acquire(), flush=True)",
    "timed futex": "t = time.monotonic(); threading.Event().wait(0.9); print(0.8 < time.monotonic() - t < 10, flush=True)",
    "epoll": "e = select.epoll(); e.register(0); print(e.poll(20)[0][0] == 0, flush=True)",
    "child": "print(subprocess.run(['sleep', '0.9']).returncode == 0, flush=True)",
    "sigsuspend": "signal.signal(signal.SIGALRM, lambda *a: None); signal.setitimer(signal.ITIMER_REAL, 0.9); signal.pause(); print(True, flush=True)",
}
BUSY = """
import signal, sys, threading, time
sys.setswitchinterval(0.0005)
going, sums = True, []
def work(k):
    total = 0
    while going:
        kept = [bytes(i % 900) for i in range(50)]
        total += sum(map(len, kept)) == sum(i % 900 for i in range(50))
        total -= 1
    sums.append(total)
def listen():
    global going
    sys.stdin.readline()
    going = False
def spawn():
    while going:
        threads = [threading.Thread(target=lambda: [str(i) for i in range(100)]) for k in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
handled = 0
def handler(*a):
    global handled
    handled += len([bytearray(i) for i in range(20)])
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
threads = [threading.Thread(target=work, args=(k,)) for k in range(3)] + [threading.Thread(target=f) for f in (spawn, listen)]
for thread in threads: thread.start()
print("ready", flush=True)
work(3)
for thread in threads: thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
print(sums, handled % 20, flush=True)
"""
BUSY_SAYS = "[0, 0, 0, 0] 0\n"
ALONE = "import sys\nprint('ready', flush=True)\nt, n = 1.0, 0\n" \
    "while not __import__('select').select([sys.stdin], [], [], 0)[0]:\n" \
    "    for i in range(2000): t = t * 1.0000001 + i % 7; n += len(str(i)) > 9\n"
QUIET = "import select, sys\nprint('ready', flush=True)\nwhile not select.select([sys.stdin], [], [], 0.02)[0]: [str(i) for i in range(10)]\n"
LATER = []  # a Debian with Python 3.14, for --long
INTERPRETERS = [debian(), *(of_pyenv() if LONG else [*of_pyenv()[:1], *of_pyenv()[1:][-1:]])]


class AttachHooks(HooksTest):
    def target(self, *words, python=PYTHON, **more):
        """A running program, talked to by pipes."""
        process = subprocess.Popen([python, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT, **more)
        self.addCleanup(self._end, process)
        return process

    def attach(self, process, *words, options=(), config="hooks.ini", stage="program"):
        sets = [word for option in (f"pid={getattr(process, 'pid', process)}", *options) for word in ("--set", f"{stage}.{option}")]
        return self.start("run", config, *sets, *words)

    def wait_for(self, memflow, words):
        said = ""
        while words not in said:
            line = memflow.stderr.readline().decode()
            self.assertTrue(line, f"memflow ended: {said}")
            said += line
        return said

    def attached(self, process, *words, **more):
        memflow = self.attach(process, *words, **more)
        self.wait_for(memflow, "attached to process")
        return memflow

    def detach(self, memflow, status=130):
        """Ends memflow by ^C, and reads what it has recorded."""
        memflow.send_signal(signal.SIGINT)
        _, said = memflow.communicate(timeout=60)
        self.assertEqual(memflow.returncode, status, said.decode())
        self.read_events()
        return said.decode()

    def refused(self, process, *words, options=(), status=1):
        memflow = self.attach(process, *words, options=options)
        _, said = memflow.communicate(timeout=60)
        self.assertEqual(memflow.returncode, status, said.decode())
        return said.decode()

    def is_alone(self, process, output=""):
        """The program goes on to its end with its own allocators in place."""
        said, _ = process.communicate("go\n", timeout=60)
        self.assertEqual(said, output + "alone\n")
        self.assertEqual(process.returncode, 7)

    # ---- what is recorded

    def test_calls_from_then_on_are_those_that_tracemalloc_counts(self):
        script = self.script("import sys\nold = [str(i) * 3 for i in range(50000)]\nprint('ready', flush=True)\nsys.stdin.readline()\n"
                             + TRACEMALLOC + "tracemalloc.stop()\nsys.stdout.flush()\nsys.stdin.readline()\ndel old\n" + EPILOGUE)
        for interpreter in INTERPRETERS:
            with self.subTest(interpreter.name):
                process = self.target(script, python=interpreter.command[0])
                process.stdout.readline()
                memflow = self.attached(process)
                process.stdin.write("go\n")
                process.stdin.flush()
                live = int(process.stdout.readline())
                said = self.detach(memflow)
                self.assertEqual(self.live_between_markers(interpreter.word), live)
                self.assertEqual(self.lost(), 0)
                self.assertIn("goes on with its own allocators", said)
                self.assertEqual([row["how"] for row in self.others["program.start"]], ["attached"])
                self.assertEqual([row["stacks"] for row in self.others["program.start"]], ["on"])
                self.assertIn("load", {name for event in self.events for name in event.functions})
                self.is_alone(process)

    def test_blocks_of_known_sizes_come_out_from_each_thread(self):
        script = self.script("""
import sys, threading
def make(k):
    return [bytes(20000 + k) for i in range(k)]
barrier = threading.Barrier(5)
def work(k):
    barrier.wait()
    kept.append(make(k))
kept = []
threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
for thread in threads: thread.start()
print("ready", flush=True)
sys.stdin.readline()
barrier.wait()
for thread in threads: thread.join()
print("made", flush=True)
sys.stdin.readline()
del kept
""" + EPILOGUE)
        for options in ((), ("types=yes", "free-stacks=yes"), ("native=yes",)):
            process = self.target(script)
            process.stdout.readline()
            memflow = self.attached(process, options=options)
            process.stdin.write("go\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), "made\n")
            self.detach(memflow)
            sizes = collections.Counter(event.size - 33 for event in self.events if "make" in event.functions and event.op == "alloc")
            self.assertEqual({size: n for size, n in sizes.items() if size >= 20000}, {20000 + k: k for k in range(1, 5)})
            self.is_alone(process)

    def test_a_sample_and_what_sites_hold(self):
        for options in (("mode=sample", "sample-every=4KiB"), ("mode=live", "snapshot-every=100ms")):
            process = self.target(self.script(BUSY + EPILOGUE))
            process.stdout.readline()
            memflow = self.attached(process, "--for", "500ms", options=options)
            memflow.communicate(timeout=60)
            self.assertEqual(memflow.returncode, 0)
            self.read_events()
            self.assertTrue(self.events or self.others["alloc.site"])
            self.is_alone(process, BUSY_SAYS)

    def test_children_that_it_forks_are_recorded(self):
        process = self.target(self.script("import os, sys\nprint(flush=True)\nsys.stdin.readline()\nif os.fork() == 0:\n"
                                          "    child = bytes(54321)\n    os._exit(0)\nos.wait()\nprint(flush=True)\n"
                                          "sys.stdin.readline()\n" + EPILOGUE))
        process.stdout.readline()
        memflow = self.attached(process)
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        self.detach(memflow)
        self.assertEqual({event.process == process.pid for event in self.events if event.size == 54354}, {False})
        self.is_alone(process)

    # ---- the program goes on

    def test_in_whatever_place_it_waits(self):
        for name, code in PLACES.items():
            with self.subTest(name):
                process = self.target(self.script("import select, signal, subprocess, sys, threading, time\nprint('ready', flush=True)\n"
                                                  + code + "\n" + EPILOGUE))
                process.stdout.readline()
                time.sleep(0.1)
                memflow = self.attached(process)
                time.sleep(0.2)
                self.detach(memflow)
                self.is_alone(process, "True\n")

    def test_busy_threads_that_come_and_go_on_each_version(self):
        for interpreter in INTERPRETERS if LONG else INTERPRETERS[:1]:
            with self.subTest(interpreter.name):
                process = self.target(self.script(BUSY + EPILOGUE), python=interpreter.command[0])
                process.stdout.readline()
                memflow = self.attached(process, "--for", "300ms")
                self.assertEqual(memflow.wait(60), 0)
                self.is_alone(process, BUSY_SAYS)

    def test_a_thread_that_only_computes(self):
        process = self.target(self.script(ALONE + EPILOGUE))
        process.stdout.readline()
        for _ in range(5):
            memflow = self.attached(process, "--for", "100ms")
            self.assertEqual(memflow.wait(60), 0)
        self.is_alone(process)

    def test_again_and_again(self):
        cycles = 500 if LONG else 8
        process = self.target(self.script(BUSY + EPILOGUE))
        process.stdout.readline()
        for cycle in range(cycles):
            memflow = self.attached(process, "--for", "20ms", options=("threads=64", "ring=64KiB"))
            self.assertEqual(memflow.wait(60), 0)
            if cycle == cycles // 3:
                first = self.memory(process)
        resident = self.memory(process)
        self.is_alone(process, BUSY_SAYS)
        print(f"# measured attach-cycles {cycles} cycles", flush=True)
        print(f"# measured attach-cycles-growth {(resident - first) / 1024:g} KiB <= {8 << 10}", flush=True)
        self.assertLess(resident - first, 8 << 20)

    @staticmethod
    def memory(process):
        with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_memflow_is_killed(self):
        process = self.target(self.script(BUSY + EPILOGUE))
        process.stdout.readline()
        for _ in range(3):
            memflow = self.attached(process)
            time.sleep(0.1)
            memflow.kill()
            memflow.wait()
        self.is_alone(process, BUSY_SAYS)

    def test_memflow_is_killed_at_any_moment(self):
        process = self.target(self.script(BUSY + EPILOGUE))
        process.stdout.readline()
        end = time.monotonic() + (50 if LONG else 1.5)
        chance, n = random.Random(4), 0
        while time.monotonic() < end:
            memflow = self.attach(process)
            time.sleep(chance.uniform(0.02, 0.15))
            memflow.kill()
            memflow.wait()
            n += 1
        print(f"# measured kills {n}", flush=True)
        self.assertIsNone(process.poll())
        memflow = self.attached(process, "--for", "50ms")
        self.assertEqual(memflow.wait(60), 0)
        self.is_alone(process, BUSY_SAYS)

    def test_the_process_ends_or_executes(self):
        process = self.target("-c", "import os, sys\nprint(flush=True)\nsys.stdin.readline()\n[str(i) for i in range(1000)]\n")
        process.stdout.readline()
        memflow = self.attached(process)
        process.communicate("go\n")
        self.assertIn("has ended", memflow.communicate(timeout=60)[1].decode())
        process = self.target("-c", "import os, sys\nprint(flush=True)\nsys.stdin.readline()\nos.execlp('sleep', 'sleep', '60')\n")
        process.stdout.readline()
        memflow = self.attached(process)
        process.stdin.write("go\n")
        process.stdin.flush()
        self.assertIn("runs another program", memflow.communicate(timeout=60)[1].decode())

    # ---- other views of the system

    def test_a_container(self):
        if os.geteuid() or not shutil.which("unshare"):
            self.skipTest("takes root and unshare")
        script = self.script("import sys\nprint('ready', flush=True)\nsys.stdin.readline()\nkept = bytes(76543)\nprint('made', flush=True)\n"
                             "sys.stdin.readline()\n" + EPILOGUE)
        # An own /tmp hides the agent's folder if it is there; own process numbers hide the reader.
        hidden = f"mount -t tmpfs none /mnt && mount --bind /mnt {os.path.dirname(COMMAND)} && exec {PYTHON} {script}"
        outer = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", hidden], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(self._end, outer)
        outer.stdout.readline()
        with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as file:
            inner = int(file.read())
        memflow = self.attached(inner)
        outer.stdin.write("go\n")
        outer.stdin.flush()
        outer.stdout.readline()
        self.detach(memflow)
        self.assertEqual([event.process for event in self.events if event.size == 76576], [inner])
        self.is_alone(outer)

    def test_a_later_python_in_a_folder_of_its_own(self):
        """By calls, and as sys.remote_exec does; the C library is another one, too."""
        if not LATER:
            self.skipTest("--long has it, as root")
        root = LATER[0]
        script = self.script(BUSY + EPILOGUE)
        inside = f'mount -t proc proc {root}/proc && mount --bind {self.folder} {root}/mnt && exec /usr/sbin/chroot {root} python3 /mnt/{script.name}'
        process = subprocess.Popen(["unshare", "--mount", "sh", "-c", inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT)
        self.addCleanup(self._end, process)
        process.stdout.readline()
        for way in ("calls", "script", "calls", "script", "script"):
            memflow = self.attached(process, "--for", "300ms", options=(f"by={way}",))
            _, said = memflow.communicate(timeout=60)
            self.assertEqual(memflow.returncode, 0, said.decode())
            self.read_events()
            self.assertIn("work", {name for event in self.events for name in event.functions})
        with open(f"/proc/{process.pid}/maps", encoding="ascii") as file:
            self.assertEqual(len({line.split()[-2] for line in file if "memflow-agent" in line}), 1)
        self.is_alone(process, BUSY_SAYS)

    # ---- what is refused

    def test_what_cannot_be_attached_to(self):
        sleep = subprocess.Popen(["sleep", "60"])
        self.addCleanup(self._end, sleep)
        static = self.folder / "static"
        (self.folder / "static.c").write_text("#include <unistd.h>\nint main (void) { pause (); }\n")
        subprocess.run(["cc", "-static", "-o", static, self.folder / "static.c"], check=True)
        statically = subprocess.Popen([static])
        self.addCleanup(self._end, statically)
        time.sleep(0.2)
        python = self.target("-c", "input()")
        self.assertIn("there is no process 4194303", self.refused(4194303))
        self.assertIn("runs no Python", self.refused(sleep))
        self.assertIn("statically linked", self.refused(statically))
        self.assertIn("either a process is attached to, or a command is run", self.refused(python, "--", "true"))
        self.assertIn("leave this out", self.refused(python, options=("malloc=yes",)))
        self.assertIn("runs no scripts from outside, 3.14 does", self.refused(python, options=("by=script",)))
        python.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        self.assertIn("is stopped: continue it first", self.refused(python))
        python.send_signal(signal.SIGCONT)

    def test_who_holds_it_already(self):
        process = self.target(self.script(QUIET + EPILOGUE))
        process.stdout.readline()
        memflow = self.attached(process)
        self.assertIn(f"recorded already, by the memflow of process {memflow.pid}", self.refused(process))
        self.detach(memflow)
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.ptrace(0x4206, process.pid, 0, 0), 0)  # PTRACE_SEIZE
        self.assertIn(f"process {os.getpid()} (python3) traces it: end that first", self.refused(process))
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, 0x40000000)
        libc.ptrace(17, process.pid, 0, 0)  # PTRACE_DETACH
        os.kill(process.pid, signal.SIGCONT)
        self.is_alone(process)

    def test_other_users_and_filters(self):
        if os.geteuid():
            self.skipTest("takes root")
        process = self.target(self.script(QUIET + EPILOGUE))
        process.stdout.readline()
        run = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", COMMAND, "run", "configs/attach-hooks.ini", "--set",
                              f"hooks.pid={process.pid}", "--set", "pipeline.output=/tmp"], cwd=self.folder, env=ENVIRONMENT,
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("CAP_SYS_PTRACE", run.stderr)
        self.is_alone(process)
        filtered = self.target("-c", FILTERED + "print('ready', flush=True); input()\n" + EPILOGUE)
        filtered.stdout.readline()
        self.assertIn("set filtered = yes", self.refused(filtered))
        memflow = self.attached(filtered, options=("filtered=yes",))
        self.detach(memflow)
        self.is_alone(filtered)


# A filter that allows all: struct sock_filter { RET ALLOW }, by prctl.
FILTERED = """
import ctypes, struct
libc = ctypes.CDLL(None)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
libc.prctl(38, 1, 0, 0, 0)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
assert libc.prctl(22, 2, program, 0, 0) == 0
"""

if __name__ == "__main__":
    if LONG:
        sys.argv.remove("--long")
        later = debian_root("sid", "amd64")
        root = Path(COMMAND).parent / "roots/sid-amd64"
        if isinstance(later, str):
            print(f"# no Python of sid: {later}", flush=True)
        else:
            LATER.append(root)
            if os.path.islink(root / "proc"):  # debootstrap makes it so where it may not mount
                os.unlink(root / "proc")
            for name in ("proc", "mnt"):
                (root / name).mkdir(exist_ok=True)
    unittest.main(verbosity=2)
