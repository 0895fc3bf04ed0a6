# SPDX-License-Identifier: Apache-2.0
"""A core file says what the process said of itself; what it lacks is told."""
import os
import random
import resource
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from pythons import PYTHON, debian, of_pyenv
from witness import PROGRAM, WitnessTest

LONG = "--long" in sys.argv
CRASH = """
import os, threading, time
def wait(): time.sleep(60)
threading.Thread(target=wait, daemon=True).start()
time.sleep(0.2)
def die(): os.abort()
die()
"""


class Core(WitnessTest):
    def dump(self, process):
        """A core of the process as it stands, made by gcore."""
        if not shutil.which("gcore"):
            self.skipTest("gcore of gdb is not installed")
        subprocess.run(["gcore", "-o", self.folder / "core", str(process.pid)], check=True, capture_output=True,
                       env=os.environ | {"DEBUGINFOD_URLS": ""})
        return self.folder / f"core.{process.pid}"

    def core_of_witness(self, command):
        process = self.target(*command, "-c", PROGRAM.replace("PAUSE", "0.2"), stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.hear(process)
        os.waitpid(process.pid, os.WUNTRACED)
        core = self.dump(process)
        process.kill()
        return core

    def test_cores_say_what_the_process_said(self):
        for python in [debian(), *(of_pyenv() if LONG else [])]:
            with self.subTest(python=python.name):
                core = self.core_of_witness(python.command)
                run = self.autopsy(core)
                self.assertNotIn("warning", run.stderr)
                self.check_witness()
                states = {row["thread"]: row["state"] for row in self.rows["core.thread"]}
                self.assertEqual(states, {int(thread): "python" for thread in (*self.said["threads"], self.said["process"])})
                print(f"# core of {python.name}: stacks, objects and both heaps equal")
                if python.command[0] == PYTHON:
                    self.check_damaged(core)
                    self.check_truncated(core)
                core.unlink()

    def check_damaged(self, core):
        """Memory that leads astray is told as far as it makes sense; nothing hangs or crashes."""
        size, damaged = core.stat().st_size, self.folder / "damaged"
        for seed in range(40 if LONG else 1):
            generator = random.Random(seed)
            shutil.copy(core, damaged)
            with open(damaged, "r+b") as file:
                for _ in range(10 ** generator.randrange(1, 5)):
                    file.seek(generator.randrange(4096, size - 8) & ~7)
                    word = file.read(8)
                    file.seek(-8, os.SEEK_CUR)
                    file.write(generator.choice((word[::-1], bytes(8), b"\xff" * 8, generator.randbytes(2) + word[2:])))
            run = self.memflow("run", "configs/core.ini", "--set", f"target.core={damaged}")
            self.assertIn(run.status, (0, 1), f"seed {seed}: {run.stderr}")
            self.assertNotRegex(run.stderr, "Sanitizer|runtime error", f"seed {seed}")

    def check_truncated(self, core):
        """Less of the file says less, and says so; a third of a core by gcore has no notes."""
        size = core.stat().st_size
        for part in range(39, 14, -3) if LONG else ():
            os.truncate(core, size * part // 40)
            run = self.memflow("run", "configs/core.ini", "--set", f"target.core={core}")
            self.assertIn(run.status, (0, 1), run.stderr)
            self.assertIn("the core is truncated", run.stderr)
        os.truncate(core, size // 3)
        run = self.autopsy(core, status=1)
        self.assertRegex(run.stderr, r"the core is truncated: \d+ bytes of it are missing, among them notes")
        self.assertIn("neither stacks nor heaps can be read from it", run.stderr)

    def test_other_files(self):
        """The program is not there, is another one, is there under another root."""
        root = self.folder / "root"
        python = root / "usr/bin/python"
        python.parent.mkdir(parents=True)
        shutil.copy(os.path.realpath(PYTHON), python)
        process = self.target(python, "-c", "print(flush=True)\ndef stand(): input()\nstand()")
        process.stdout.readline()
        core = self.dump(process)
        process.kill()
        self.autopsy(core)
        self.assertEqual([frame["function"] for frame in self.rows["core.thread"][0]["stack"]], ["stand", "<module>"])
        python.unlink()
        self.assertIn(f"{python} is not there", self.autopsy(core, "c-heap=no", status=1).stderr)
        shutil.copy("/bin/sleep", python)
        run = self.autopsy(core, "c-heap=no", status=1)
        self.assertIn(f"{python} is not the file that the process had mapped", run.stderr)
        self.assertIn("cannot be read without its file", run.stderr)
        elsewhere = self.folder / "elsewhere"
        (elsewhere / str(python.parent)[1:]).mkdir(parents=True)
        shutil.copy(os.path.realpath(PYTHON), elsewhere / str(python)[1:])
        run = self.autopsy(core, f"core-root={elsewhere}", "c-heap=no")
        self.assertRegex(run.stderr, r"libc\S* is not there")
        self.assertEqual(len(self.rows["core.thread"][0]["stack"]), 2)

    @unittest.skipUnless(Path("/proc/sys/kernel/core_pattern").read_text() == "core\n", "the kernel writes its cores elsewhere")
    def test_cores_of_the_kernel(self):
        for python in [debian(), *(of_pyenv() if LONG else [])]:
            with self.subTest(python=python.name):
                unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                process = subprocess.run([*python.command, "-c", CRASH], cwd=self.folder, stderr=subprocess.DEVNULL, check=False,
                                         preexec_fn=unlimited)
                self.assertEqual(process.returncode, -6)
                core = next(self.folder.glob("core*"))
                self.assertIn("ended by signal 6", self.autopsy(core).stderr)
                first, second = sorted(self.rows["core.thread"], key=lambda row: row["signal"])
                self.assertEqual([frame["function"] for frame in second["stack"]], ["die", "<module>"])
                self.assertEqual((second["signal"], first["signal"]), (6, 0))
                self.assertEqual(first["stack"][0]["function"], "wait")
                size = core.stat().st_size
                os.truncate(core, size - size // 4)  # its notes come first
                run = self.memflow("run", "configs/core.ini", "--set", f"target.core={core}")
                self.assertRegex(run.stderr, r"the core is truncated: \d+ bytes of it are missing\n")
                core.unlink()

    @unittest.skipUnless(LONG and Path("/proc/sys/kernel/core_pattern").read_text() == "core\n", "long")
    def test_what_the_kernel_leaves_out(self):
        """coredump_filter, core(5): nothing but what was written to; without first pages of files; everything."""
        for written, expected in (("0x3", "has nothing of"), ("0x33", None), ("0x7f", None)):
            prepare = f"open('/proc/self/coredump_filter', 'w').write('{written}')\n"
            with_core = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)\n"
            subprocess.run([PYTHON, "-c", with_core + prepare + CRASH], cwd=self.folder, stderr=subprocess.DEVNULL, check=False)
            core = next(self.folder.glob("core*"))
            run = self.autopsy(core)
            self.assertEqual("has nothing of" in run.stderr, expected is not None)
            self.assertIn(["die", "<module>"], [[frame["function"] for frame in row["stack"]] for row in self.rows["core.thread"]])
            core.unlink()

    def test_no_core(self):
        for file, expected in ((PYTHON, "it is a program or a library"), ("/dev/null", "it is no file"),
                               ("/nowhere", "No such file or directory"), ("configs/core.ini", "it is no core file")):
            run = self.memflow("run", "configs/core.ini", "--set", f"target.core={Path(self.folder, file)}")
            self.assertEqual(run.status, 1)
            self.assertIn(f"cannot read the core file {Path(self.folder, file)}: {expected}", run.stderr)
        run = self.memflow("run", "configs/core.ini", "--set", "target.core=x", "--set", "target.pid=1")
        self.assertIn("either a core file or a process, not both", run.stderr)


if __name__ == "__main__":
    unittest.main(argv=[word for word in sys.argv if word != "--long"])
