# SPDX-License-Identifier: Apache-2.0
"""memflow-record: what it recorded is in the capture, or the capture and the exit status say exactly what is not."""
import os
import resource
import socket
import stat
import subprocess
import time
import unittest

from end_to_end import COMMAND, SOURCE
from pythons import PYTHON
from record_run import FIXED, Proxy, RecordTest
from recorded_programs import FORK, SHORT_THREADS, THREADS

CHURN = "for i in range(%d): bytes(1000)"
KILLED = """
import os, signal
def last():
    return [bytes(7777) for i in range(1000)]
kept = last()
%s
"""
ENDS = {"os.kill(os.getpid(), signal.SIGKILL)": 137, "os.kill(os.getpid(), signal.SIGSEGV)": 139, "os.abort()": 134,
        "os._exit(5)": 5}
LAST_WORDS = """
import atexit, threading
class Last:
    def __del__(self): bytes(6001)
def at_exit(): bytes(6002)
atexit.register(at_exit)
kept, local = Last(), threading.local()
def work(): local.kept = Last()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
REFUSED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
def greedy(): bytearray(3 << 30)
try: greedy()
except MemoryError: pass
"""
LIBRARIES = """
import ctypes
for name in "libm.so.6", "libutil.so.1", "libz.so.1", "libexpat.so.1":
    try: ctypes.CDLL(name)
    except OSError: pass
import decimal, sqlite3
bytes(7070)
"""
LONG_NAMES = """
scope = {}
lines = "def f(n):\\n" + "  n += 1\\n" * 3000 + "  return bytes(4321)\\n"
exec(compile(lines, "/" + "d" * 4000, "exec"), scope)
scope["f"](1)
"""
OTHER_FILE = """
import os, subprocess, sys
number = int(os.environ["MEMFLOW_RING"].split(":")[0])
with open("other", "wb+") as file:
    file.write(b"0123456789")
    file.seek(4)
    os.dup2(file.fileno(), number)
    subprocess.run([sys.executable, "-c", "bytes(4321)"], pass_fds=[number], check=True)
    print(file.tell())
"""
PATIENT = """
import sys, time
for i in range(%d):
    bytes(1000)
    if i %% 1000 == 0: time.sleep(0.01)
print("went on")
"""


class Record(RecordTest):
    def sized(self, size):
        return [event for event in self.events if event.size == size + 33]

    # ---- how programs end

    def test_a_program_is_recorded(self):
        script = self.script("import sys\ndef f(): return bytes(4321)\nf()\nprint(sys.stdin.read())\nsys.exit(7)")
        run = self.recorded("-o", "app.mfc", "--", PYTHON, script, status=7, feed=b"hello")
        self.assertEqual(run.stdout, "hello\n")
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "app.mfc").st_mode), 0o600)
        self.read()
        self.check_complete()
        self.check_accounts()
        block, = self.sized(4321)
        self.assertEqual([(frame["function"], frame["line"]) for frame in block.frames], [("f", 2), ("<module>", 3)])

    def test_ends_of_programs(self):
        for end, status in ENDS.items():
            self.recorded("-o", "app.mfc", "--", PYTHON, self.script(KILLED % end), status=status)
            self.read()
            self.check_complete()
            self.check_accounts()
            self.assertEqual(len([event for event in self.sized(7777) if "last" in event.functions]), 1000, end)

    def test_last_words(self):
        self.recorded("-o", "app.mfc", "--", PYTHON, self.script(LAST_WORDS))
        self.read()
        self.check_complete()
        self.assertEqual((len(self.sized(6001)), len(self.sized(6002))), (2, 1))

    def test_the_programs_own_memory_error(self):
        self.recorded("-o", "app.mfc", "--", PYTHON, self.script(REFUSED))
        self.read()
        self.check_complete()
        failed = [event for event in self.events if event.op == "failed" and event.size > 3 << 30]
        self.assertTrue(failed and all(event.functions[0] == "greedy" for event in failed), failed)

    def test_libraries_that_are_loaded_meanwhile(self):
        self.recorded("-o", "app.mfc", "--malloc", "--", PYTHON, self.script(LIBRARIES))
        self.read()
        self.check_complete()
        self.check_accounts()
        self.assertEqual(len(self.sized(7070)), 1)

    def test_what_cannot_be_started(self):
        run = self.recorded("-o", "app.mfc", "--", "/nonexistent", status=126)
        self.assertIn("cannot start the program /nonexistent", run.stderr)
        self.assertFalse((self.folder / "app.mfc").exists())
        self.assertIn("give a command", self.recorded("-o", "app.mfc", status=2).stderr)
        self.assertIn("a size such as", self.recorded("-o", "a", "--ring", "12x", "--", "true", status=2).stderr)

    def test_names_longer_than_a_record(self):
        """In the smallest ring; what does not fit is cut, and neither the program nor the recording stops."""
        self.recorded("-o", "app.mfc", "--ring", "4KiB", "--", PYTHON, self.script(LONG_NAMES))
        self.read()
        self.check_complete()
        block, = self.sized(4321)
        self.assertEqual(block.functions, ["f", "<module>"])
        self.assertTrue(block.frames[0]["file"].startswith("/ddd"))

    def test_a_file_in_place_of_the_rings(self):
        """A program that is followed finds another file at the number of the rings: it stays as it is."""
        run = self.recorded("-o", "app.mfc", "--follow", "exec", "--", PYTHON, self.script(OTHER_FILE))
        self.assertEqual(run.stdout, "4\n")
        self.read()
        self.check_complete()
        self.assertEqual(len(self.sized(4321)), 1)

    # ---- threads and processes

    def test_threads(self):
        self.recorded("-o", "app.mfc", "--", PYTHON, self.script(THREADS))
        self.read()
        self.check_complete()
        for n in range(100):
            self.assertEqual(len([e for e in self.sized(2000 + n) if "work" in e.functions]), 100)

    def test_short_threads_in_little_memory(self):
        self.recorded("-o", "app.mfc", "--memory", "256KiB", "--", PYTHON, self.script(SHORT_THREADS))
        self.read()
        self.check_complete()
        self.assertEqual(len(self.sized(3333)), 1000)

    def test_more_threads_than_rings(self):
        """One that gets none waits once, and is counted as lost."""
        program = "import threading\ndef work():\n    for i in range(1000): bytes(4321)\n" \
            "thread = threading.Thread(target=work)\nthread.start()\nthread.join()"
        begun = time.monotonic()
        self.recorded("-o", "app.mfc", "--threads", "1", "--patience", "100ms", "--", PYTHON, "-c", program)
        self.assertLess(time.monotonic() - begun, 20)
        self.assertGreater(self.said[1], 2000)
        self.read()
        self.check_accounts()

    def test_fork(self):
        self.recorded("-o", "app.mfc", "--", PYTHON, self.script(FORK))
        self.read()
        self.check_complete()
        self.assertEqual([len(self.sized(5000 + n)) for n in range(8)], [100] * 8)

    def test_a_child_that_outlives_its_parent(self):
        run = self.recorded("-o", "app.mfc", "--", PYTHON, "-c", "import os, time\nwait, tell = os.pipe()\n"
                            "if not os.fork(): [os.close(n) for n in (1, 2)]; os.write(tell, b'x'); time.sleep(30)\nos.read(wait, 1)")
        self.assertIn("1 other process of the program may go on", run.stderr)

    def test_a_container(self):
        """Its processes have other numbers, which the recorder would mistake: what they do is counted as lost."""
        apart = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
        if subprocess.run([*apart, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no PID namespace can be made here")
        script = self.script("import subprocess\nbytes(4321)\nsubprocess.run(%r, close_fds=False, check=True)\nbytes(4321)" % [
            *apart, PYTHON, "-c", CHURN % 30000])
        self.recorded("-o", "app.mfc", "--follow", "exec", "--", PYTHON, script)
        self.assertGreater(self.said[1], 60000)
        self.read()
        self.check_accounts()
        self.assertEqual(len(self.sized(4321)), 2)

    # ---- what memflow-record was started with

    def test_ignored_signals_and_closed_files(self):
        """nohup holds for the program, too, and what it prints does not land in the capture."""
        self.script("import os, signal\nprint('printed', flush=True)\n"
                    "os.kill(os.getppid(), signal.SIGHUP)\nos.kill(os.getpid(), signal.SIGHUP)\nbytes(4321)")
        shell = "trap '' HUP; exec \"$@\" >&- 2>&-"
        words = [str(part) for part in (COMMAND, "record", "-o", "app.mfc", "--", PYTHON, "app.py")]
        run = subprocess.run(["sh", "-c", shell, "sh", *words], cwd=self.folder, check=False, env=os.environ | FIXED)
        self.assertEqual(run.returncode, 0)
        self.read()
        self.check_complete()
        self.assertEqual(len(self.sized(4321)), 1)

    # ---- mode live

    def test_what_each_site_holds(self):
        program = "--", PYTHON, "-c", CHURN % 5000
        self.recorded("-o", "app.mfc", *program)
        self.read()
        count = lambda *ops: sum(event.op in ops for event in self.events)
        calls, frees = count("alloc", "realloc"), count("free")
        self.recorded("-o", "live.mfc", "--mode", "live", "--snapshot-every", "100ms", *program)
        self.read("live.mfc")
        self.check_complete()
        self.assertEqual(self.events, [])
        total = self.others["alloc.total"][-1]
        sites = [row for row in self.others["alloc.site"] if row["snapshot"] == total["snapshot"]]
        self.assertEqual((total["calls"], total["frees"], total["untracked"]), (calls, frees, 0))
        self.assertEqual(len(sites), total["sites"])
        for field in "live", "live_blocks", "calls", "allocated":
            self.assertEqual(sum(row[field] for row in sites), total[field])
        self.assertEqual(sum(row["at_peak"] for row in sites), total["peak"])

    # ---- files

    def test_rotation(self):
        self.recorded("-o", "app.mfc", "--compression", "0", "--rotate", "64KiB", "--", PYTHON, "-c", CHURN % 20000)
        parts, events = sorted(self.folder.glob("app.*.mfc")), 0
        self.assertGreater(len(parts), 2)
        for part in parts:
            self.read(part.name)
            self.check_complete()
            events += len(self.events)
        self.assertEqual((events, 0), self.said)

    def test_a_file_that_cannot_be_made(self):
        """The recording goes on and counts what it cannot write."""
        (self.folder / "app.002.mfc").mkdir()
        run = self.recorded("-o", "app.mfc", "--compression", "0", "--rotate", "64KiB", "--", PYTHON, "-c",
                            CHURN % 20000 + "\nprint('went on')", status=1)
        self.assertEqual(run.stdout, "went on\n")
        self.assertIn("cannot create app.002.mfc", run.stderr)
        self.read("app.001.mfc")
        self.check_complete()
        self.assertEqual(len(self.events), self.said[0])
        self.assertGreater(self.said[1], 20000)

    def test_a_full_disk(self):
        limit = 700000
        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        run = self.recorded("-o", "app.mfc", "--threads", "2", "--ring", "64KiB", "--compression", "0", "--", PYTHON,
                            "-c", CHURN % 100000 + "\nprint('went on')", status=1, preexec_fn=full)
        self.assertEqual(run.stdout, "went on\n")
        self.assertIn("File too large", run.stderr)
        self.read()
        self.assertGreater(self.lost(), 0)
        self.check_accounts()

    def test_a_recorder_that_is_killed(self):
        recorder = self.start_recorder("-o", "app.mfc", "--", PYTHON, "-c", PATIENT % 20000)
        capture = self.folder / "app.mfc"
        self.wait_until(lambda: capture.exists() and capture.stat().st_size > 30000)
        recorder.kill()
        recorder.wait()  # a process that nobody has waited for counts as one that lives
        self.assertEqual(recorder.stdout.read(), b"went on\n")
        run = self.read()
        self.assertIn("its end is missing", run.stderr)
        self.assertGreater(len(self.events), 1000)

    def test_a_pipe(self):
        with open(self.folder / "app.mfc", "wb") as capture:
            run = self.recorded("-o", "-", "--", PYTHON, "-c", "print('said')", stdout=capture)
        self.assertIn("said\n", run.stderr)
        self.read()
        self.check_complete()
        self.check_accounts()

    # ---- slow readers

    def slow_reader(self, *options):
        """What a reader at 50 kB/s gets while the program runs, and all of it in the end; how long the program took."""
        recorder = self.start_recorder("-o", "-", "--memory", "512KiB", *options, "--", PYTHON, "-c",
                                       f"import sys, time\nt = time.monotonic()\n{CHURN % 50000}\n"
                                       "print('took', time.monotonic() - t, file=sys.stderr)", environment=FIXED)
        with open(self.folder / "app.mfc", "wb") as capture:
            for _ in range(10):
                capture.write(recorder.stdout.read1(5000))
                time.sleep(0.1)
            capture.write(recorder.stdout.read())
        said = recorder.stderr.read().decode()
        self.take_said(said)
        self.assertEqual(recorder.wait(), 0, said)
        return float(said.split("took ")[1].split()[0])

    def test_a_slow_reader(self):
        self.recorded("-o", "app.mfc", "--", PYTHON, "-c", f"import sys, time\nt = time.monotonic()\n{CHURN % 50000}\n"
                      "print('took', time.monotonic() - t, file=sys.stderr)")
        calls = self.said[0]
        took = self.slow_reader("--full-ring", "drop")
        self.assertLess(took, 1)
        self.read()
        self.check_accounts()
        self.assertGreater(self.lost(), 0)
        self.assertEqual(sum(self.said), calls)
        took = self.slow_reader("--full-ring", "block", "--patience", "50ms")
        self.assertLess(took, 1.5)
        self.read()
        self.check_accounts()
        self.assertEqual(sum(self.said), calls)

    # ---- receivers

    def test_a_receiver(self):
        receiver = self.listen()
        self.recorded("--to", f"127.0.0.1:{self.port}", "--full-ring", "block", "--", PYTHON, "-c", CHURN % 20000)
        said = self.received(receiver)
        self.check_complete()
        self.check_accounts()
        self.assertIn("the recording has ended", said)

    def test_a_connection_that_is_cut(self):
        receiver = self.listen()
        proxy = Proxy(self.port)
        self.addCleanup(proxy.close)
        recorder = self.start_recorder("--to", f"127.0.0.1:{proxy.port}", "--full-ring", "block", "--compression", "0", "--",
                                       PYTHON, "-c", PATIENT % 20000)
        for mark in 50000, 200000:
            self.wait_until(lambda: proxy.moved > mark)
            proxy.cut()
            time.sleep(0.2)
            proxy.mend()
        self.assertEqual(recorder.stdout.read(), b"went on\n")
        said = recorder.stderr.read().decode()
        self.assertEqual(recorder.wait(), 0, said)
        self.assertIn("lost the connection", said)
        self.take_said(said)
        self.assertIn("the recorder is connected again", self.received(receiver))
        self.check_complete()
        self.check_accounts()

    def test_nobody_listens(self):
        run = self.recorded("--to", "127.0.0.1:9", "--linger", "300ms", "--", PYTHON, "-c", "print('went on')", status=1)
        self.assertEqual(run.stdout, "went on\n")
        self.assertIn("cannot reach", run.stderr)
        self.assertEqual(self.said[0], 0)

    def test_a_socket_in_the_file_system(self):
        receiver = self.listen(at="unix:live.sock")
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "live.sock").st_mode), 0o600)
        self.recorded("--to", "unix:live.sock", "--full-ring", "block", "--", PYTHON, "-c", "bytes(4321)")
        self.received(receiver)
        self.check_complete()
        self.check_accounts()
        self.assertFalse((self.folder / "live.sock").exists())

    def test_secrets(self):
        for name, text in ("right", "a secret of many bytes\n"), ("wrong", "another one of many bytes\n"):
            (self.folder / name).write_text(text)
            os.chmod(self.folder / name, 0o600)
        receiver = self.listen("secret = right")
        to = "--to", f"127.0.0.1:{self.port}", "--full-ring", "block"
        program = "--", PYTHON, "-c", "import os\nprint('MEMFLOW_SECRET' in os.environ)"
        run = self.recorded(*to, "--linger", "200ms", *program, status=1)
        self.assertIn("it asks for a secret", run.stderr)
        run = self.recorded(*to, "--linger", "200ms", "--secret", "wrong", *program, status=1)
        self.assertIn("it has another secret", run.stderr)
        run = self.recorded(*to, *program, environment={"MEMFLOW_SECRET": "a secret of many bytes"})
        self.assertEqual(run.stdout, "False\n")
        self.received(receiver)
        self.check_complete()
        self.check_accounts()

    def test_other_machines_need_a_secret(self):
        run = self.recorded("--to", "192.0.2.1:7117", "--", "true", status=2)
        self.assertIn("have to share a secret", run.stderr)
        (self.folder / "open").write_text("a secret of many bytes\n")
        os.chmod(self.folder / "open", 0o644)
        run = self.recorded("--to", "192.0.2.1:7117", "--secret", "open", "--", "true", status=2)
        self.assertIn("others can read the secret", run.stderr)
        run = self.memflow("run", SOURCE / "configs/listen.ini", environment={"MEMFLOW_LISTEN": "0.0.0.0:7117"})
        self.assertIn("can be reached from other machines", run.stderr)

    def test_strangers(self):
        receiver = self.listen()
        for speech in b"", b"GET / HTTP/1.0\r\n\r\n" * 10, b"MFLINK1\n" + bytes(200):
            with socket.create_connection(("127.0.0.1", self.port)) as stranger:
                stranger.sendall(speech)
        silent = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(silent.close)
        self.recorded("--to", f"127.0.0.1:{self.port}", "--full-ring", "block", "--", PYTHON, "-c", "bytes(4321)")
        self.received(receiver)
        self.check_complete()


if __name__ == "__main__":
    unittest.main()
