# SPDX-License-Identifier: Apache-2.0
"""machines.py TRIPLET...: the agent built for each of these records exactly what a small program in C asks for."""
import collections
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from end_to_end import COMMAND, measured
from hooks_run import HooksTest
from pythons import AGENTS

TRIPLETS = sys.argv[1:]
MOST_KIB = 64
# How programs of a triplet run where they are not at home: their own loader, or an emulator and where it finds that.
RUN = {"i386-linux-gnu": ("/usr/i686-linux-gnu/lib/ld-linux.so.2", "--library-path", "/usr/i686-linux-gnu/lib"),
       "arm-linux-gnueabihf": ("qemu-arm", "-L", "/usr/arm-linux-gnueabihf"),
       "aarch64-linux-gnu": ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")}
TOO_MUCH = {word: (1 << 8 * word) - 100000 for word in (4, 8)}
BLOCKS = {("alloc", 10001): 1000, ("alloc", 10002): 1000, ("alloc", 10011): 1000, ("alloc", 10003): 1000,
          ("realloc", 20003): 1000, ("alloc", 10005): 1, ("alloc", 10048): 1, ("alloc", 10007): 1}


class Machines(HooksTest):
    def agent(self, triplet):
        return AGENTS / triplet / "libmemflow-agent.so"

    def live_after(self):
        live = {}
        for event in self.events:
            live.pop(event.old if event.op == "realloc" else event.address, None)
            if event.op in ("alloc", "realloc"):
                live[event.address] = event.size
        return collections.Counter(live.values())

    def run_on(self, triplet):
        run = RUN.get(triplet, ())
        program = Path(COMMAND).parent / "known-blocks" / triplet / "known-blocks"
        emulated = run and run[0].startswith("qemu-")
        if emulated and not shutil.which(run[0]):
            self.skipTest(f"{run[0]} is not installed")
        options = [f"agent={self.agent(triplet)}"] if emulated else []
        said = self.record(*run, program, options=["malloc=yes", *options])
        self.assertEqual(said.stdout, "done\n")
        self.check(4 if triplet.startswith(("arm-", "i386-")) else 8)

    def check(self, word):
        found = collections.Counter((event.op, event.size) for event in self.events)
        self.assertEqual({key: found[key] for key in BLOCKS}, BLOCKS)
        self.assertEqual([event.size for event in self.events if event.op == "failed"], [TOO_MUCH[word]])
        live = self.live_after()
        self.assertEqual({size: live[size] for size in (10001, 10002, 10003, 10011, 20003)},
                         {10001: 500, 10002: 0, 10003: 0, 10011: 0, 20003: 0})
        self.assertEqual(self.lost(), 0)
        times = [event.time for event in self.events]
        self.assertTrue(0 < times[-1] - times[0] < 60e9, "ns of one clock")

    def test_machines(self):
        for triplet in TRIPLETS:
            with self.subTest(triplet=triplet):
                self.run_on(triplet)

    def test_sizes(self):
        own = self.folder / "own.so"
        subprocess.run(["strip", "-o", own, AGENTS / "libmemflow-agent.so"], check=True)
        for name, agent in {"own": own, **{triplet: self.agent(triplet) for triplet in TRIPLETS}}.items():
            self.assertTrue(measured(f"agent-{name}", agent.stat().st_size / 1024, "KiB", MOST_KIB))

    def test_old_c_libraries(self):
        """The agent loads beside the glibc 2.31 of Debian 11, though it was linked with a newer one."""
        for agent in (AGENTS / "libmemflow-agent.so", *(self.agent(triplet) for triplet in TRIPLETS)):
            symbols = subprocess.run(["objdump", "-T", agent], capture_output=True, text=True, check=True).stdout
            needed = {(int(minor), name) for minor, name in re.findall(r"\(GLIBC_2\.(\d+)[.\d]*\) +(\S+)", symbols)}
            self.assertEqual([name for minor, name in needed if minor > 31], [], agent)

    def test_a_machine_without_an_agent(self):
        foreign = self.folder / "foreign"
        header = bytearray(64)
        header[:7], header[18:20] = b"\x7fELF\x02\x01\x01", (243).to_bytes(2, "little")  # RISC-V
        foreign.write_bytes(header)
        foreign.chmod(0o755)
        run = self.memflow("run", "hooks.ini", "--", foreign)
        self.assertEqual(run.status, 1)
        self.assertIn("is a program for riscv64-linux-gnu, but there is no agent for it", run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
