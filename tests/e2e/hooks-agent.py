# SPDX-License-Identifier: Apache-2.0
"""What the agent stands in front of: the malloc family and the calls of the kernel, exactly, and not a symbol more."""
import os
import subprocess
import unittest
from pathlib import Path

from hooks_run import HooksTest
from pythons import PYTHON

CALLS = os.environ["MEMFLOW_HOOKS_CALLS"]
AGENT = Path(os.environ["MEMFLOW"]).parent / "agent/libmemflow-agent.so"
MALLOC = "malloc calloc realloc reallocarray free posix_memalign aligned_alloc memalign valloc pvalloc free_sized free_aligned_sized"
KERNEL = "mmap mmap64 munmap mremap brk sbrk"
LOADER = "dlclose"
MARKS = "memflow_mark memflow_record"
THREADS = """
import ctypes, threading
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
def work():
    for i in range(500):
        pages = libc.mmap(None, 40961, 3, 0x22, -1, 0)
        libc.munmap(pages, 40961)
threads = [threading.Thread(target=work) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class Agent(HooksTest):
    def test_exported_symbols(self):
        listed = subprocess.run(["nm", "-D", "--defined-only", AGENT], capture_output=True, text=True, check=True).stdout
        self.assertEqual({line.split()[-1] for line in listed.splitlines()}, set(f"{MALLOC} {KERNEL} {LOADER} {MARKS} memflow_attach".split()))

    def test_each_call(self):
        run = self.record(CALLS, options=["malloc=yes", "maps=yes"])
        expected = run.stdout.splitlines()
        seen = [f"{event.op} {event.domain} {event.size}" for event in self.events if event.op != "free" or event.size]
        started = seen.index(expected[0])
        self.assertEqual([line for line in seen[started:] if line in expected], expected)
        self.assertEqual(self.lost(), 0)

    def test_each_block_is_given_back(self):
        run = self.record(CALLS, options=["malloc=yes", "maps=yes"])
        sizes = {int(line.split()[2]) for line in run.stdout.splitlines()}
        live = {}
        for event in self.events:
            if event.op in ("free", "realloc"):
                live.pop((event.domain, event.address if event.op == "free" else event.old), None)
            if event.op in ("alloc", "realloc"):
                live[event.domain, event.address] = event.size
        self.assertEqual([block for block in live.items() if block[1] in sizes], [])

    def test_nothing_but_what_was_asked_for(self):
        self.record(CALLS, options=["maps=yes"])
        self.assertEqual({event.domain for event in self.events}, {"map", "break"})
        self.record(CALLS)
        self.assertEqual(self.events, [])

    def test_maps_of_threads_are_told_in_their_order(self):
        self.record(PYTHON, self.script(THREADS), options=["maps=yes"])
        maps = [event for event in self.events if event.domain == "map" and event.size == 40961]
        self.assertEqual(len(maps), 2 * 8 * 500)
        live = set()
        for event in maps:
            if event.op == "free":
                live.remove(event.address)
            else:
                self.assertNotIn(event.address, live)
                live.add(event.address)


if __name__ == "__main__":
    unittest.main()
