# SPDX-License-Identifier: Apache-2.0
"""foreign.py SUITE-MACHINE...: Debian's Pythons for other machines say of themselves what is read of them from outside. Where this
kernel cannot run them, an emulator does, within which they are read. Makes their files with debootstrap: some minutes each the first
time."""
import os
import shutil
import signal
import subprocess
import sys
import unittest

from pythons import debian_root
from witness import PROGRAM, WitnessTest

ROOTS = sys.argv[1:]


def runs(command):
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class Foreign(WitnessTest):
    def command_of(self, root):
        """How an interpreter is run, and the one that it is; skips where there is none."""
        suite, machine = root.split("-")
        python = debian_root(suite, machine)
        if isinstance(python, str):
            self.skipTest(python)
        command = ["/usr/bin/env", *(f"{name}={value}" for name, value in python.environment.items()), *python.command]
        if machine == "i386" and not runs([*command, "-c", ""]):
            if not shutil.which("qemu-i386"):
                self.skipTest("neither the kernel nor an emulator runs i386")
            command = command[:-len(python.command)] + ["qemu-i386", *python.command]
        return command, python

    def check(self, root):
        command, python = self.command_of(root)
        there = ["/bin/sh", "-c", 'ulimit -c unlimited && cd "$0" && exec "$@"', self.new_folder(root)]
        process = self.target(*there, *command, "-c", PROGRAM.replace("PAUSE", "2"), stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.hear(process)
        self.assertEqual(self.said["word"], python.word)
        os.waitpid(process.pid, os.WUNTRACED)
        run = self.look(process, "heap=once", "c-heap=yes", "when-full=block", "interval=1s")
        self.check_witness()
        self.assertNotIn("chunks with a mapping of their own were not found", run.stderr)
        mapped, = [row for row in self.rows["process.memory"] if row["part"] == "c-mapped"]
        self.assertEqual(mapped["pieces"], self.said["mallinfo"]["mapped_chunks"])
        self.assertGreater(mapped["pieces"], 0)
        print(f"# {python.name}: stacks, objects and both heaps equal", flush=True)
        self.check_scan(process, python, root.endswith("-amd64"))
        self.check_core(process, self.temporary / root)
        self.check_ways(self.keep_objects(*command))
        print(f"# core of {python.name}: the same", flush=True)

    def check_scan(self, process, python, at_home):
        """It is listed with its width, and hooks are not put into the emulator that runs it."""
        self.assertRegex(self.memflow("scan").stdout, rf"{process.pid}\b.*Python 3\.{python.minor}\.\d+, {python.word * 8} bit")
        run = self.memflow("run", "configs/attach-hooks.ini", "--for", "1s", "--set", f"hooks.pid={process.pid}")
        self.assertIn("is stopped" if at_home else "bit program of another kind than memflow", run.stderr)

    def check_core(self, process, folder):
        """Ended by a signal, it leaves a core of its own kind, made by the kernel or the emulator."""
        process.send_signal(signal.SIGABRT)
        process.send_signal(signal.SIGCONT)
        process.wait()
        core = next(iter([*folder.glob("qemu_*.core"), *folder.glob("core*")]))
        self.assertIn(f"{self.said['word'] * 8} bits, ended by signal 6", self.autopsy(core).stderr)
        self.check_witness()
        core.unlink()

    def test_they_say_what_is_read(self):
        for root in ROOTS:
            with self.subTest(root=root):
                self.check(root)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
