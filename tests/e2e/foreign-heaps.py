# SPDX-License-Identifier: Apache-2.0
"""foreign-heaps.py TRIPLET...: the C heap of a program for another machine, read within the emulator that runs it, is what its own
mallinfo2() says."""
import shutil
import signal
import sys
import unittest
from pathlib import Path

from end_to_end import COMMAND
from witness import WitnessTest

# By the loader: with -L, qemu-i386 7.2 hangs when a program starts a thread.
EMULATORS = {"i386-linux-gnu": ("qemu-i386", "/usr/i686-linux-gnu/lib", "ld-linux.so.2"),
             "arm-linux-gnueabihf": ("qemu-arm", "/usr/arm-linux-gnueabihf/lib", "ld-linux-armhf.so.3"),
             "aarch64-linux-gnu": ("qemu-aarch64", "/usr/aarch64-linux-gnu/lib", "ld-linux-aarch64.so.1")}
TRIPLETS = sys.argv[1:]


class ForeignHeaps(WitnessTest):
    def test_heaps(self):
        for triplet in TRIPLETS:
            with self.subTest(triplet=triplet):
                self.check_heap(triplet)

    def test_a_base_that_was_chosen(self):
        if "arm-linux-gnueabihf" in TRIPLETS:
            self.check_heap("arm-linux-gnueabihf", "-B", "0x5000000000")

    def check_heap(self, triplet, *options):
        emulator, libraries, loader = EMULATORS[triplet]
        if not shutil.which(emulator):
            self.skipTest(f"{emulator} is not installed")
        program = Path(COMMAND).parent / "c-heap" / triplet / "c-heap"
        there = ["/bin/sh", "-c", 'ulimit -c unlimited && cd "$0" && exec "$@"', self.new_folder(triplet)]
        process = self.target(*there, emulator, *options, f"{libraries}/{loader}", "--library-path", libraries, program)
        run = self.check_c_heap(process)
        self.assertIn("has no program in memory that could be a Python", run.stderr)
        self.assertGreater(self.rows["glibc.total"][0]["cached_chunks"], 0)
        self.check_core(process, self.temporary / triplet, self.rows["glibc.total"][0])
        print(f"# {triplet}: C heap equal, that of its core, too", flush=True)

    def check_core(self, process, folder, expected):
        """The emulator makes a core of the program, which does not say which files were mapped."""
        process.send_signal(signal.SIGABRT)
        process.send_signal(signal.SIGCONT)
        process.wait()
        core, = folder.glob("qemu_*.core")
        self.autopsy(core)
        told, = self.rows["glibc.total"]
        moment = ("time", "stopped", "epoch", "input")
        self.assertEqual({name: value for name, value in told.items() if name not in moment},
                         {name: value for name, value in expected.items() if name not in moment})

    def test_an_emulator_without_a_program(self):
        """One that runs a program of this machine cannot be told from its own libraries."""
        if not shutil.which("qemu-x86_64"):
            self.skipTest("qemu-x86_64 is not installed")
        process = self.target("qemu-x86_64", "/bin/cat")
        self.assertIn("is an emulator", self.look(process, status=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
