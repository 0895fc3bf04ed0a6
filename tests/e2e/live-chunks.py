# SPDX-License-Identifier: Apache-2.0
"""The bytes that are live by the recorded calls are those that glibc's own mallinfo2 counts, chunk by chunk."""
import os
import unittest

from hooks_run import HooksTest

FIRST_MARK, SECOND_MARK = 77001, 77002
PAGE, WORD, LEAST, MAPPED_FROM = 4096, 8, 32, 128 * 1024
# Without the per-thread cache a freed chunk is free to mallinfo2, too; without fast bins likewise; a fixed threshold keeps
# the boundary between chunks of the heap and those of mmap where the formula has it.
TUNABLES = ":".join(f"glibc.malloc.{name}" for name in (
    "tcache_count=0", "mxfast=0", f"mmap_threshold={MAPPED_FROM}", "mmap_max=100000"))


def chunk_of(size):
    """Bytes of the chunk of a request on 64 bits (glibc 2.36 malloc/malloc.c, request2size and sysmalloc_mmap)."""
    chunk = max(LEAST, (size + WORD + 15) & ~15)
    return chunk if chunk < MAPPED_FROM else (chunk + WORD + PAGE - 1) & -PAGE


class LiveChunks(HooksTest):
    def live_between_marks(self):
        live, started = {}, False
        for event in self.events:
            if event.size == SECOND_MARK and event.op == "alloc":
                return live
            if event.op in ("free", "realloc"):
                live.pop(event.address if event.op == "free" else event.old, None)
            if event.op in ("alloc", "realloc") and started:
                live[event.address] = event.size
            started |= event.size == FIRST_MARK
        self.fail("the second mark is not in the recording")

    def test_live_bytes_are_those_of_mallinfo2(self):
        run = self.record(os.environ["LIVE_CHUNKS"], options=["malloc=yes"], environment={"GLIBC_TUNABLES": TUNABLES})
        self.assertEqual(self.lost(), 0)
        live = self.live_between_marks()
        self.assertGreater(sum(size >= MAPPED_FROM for size in live.values()), 0, "no block was mapped: nothing is shown of those")
        self.assertEqual(sum(map(chunk_of, live.values())), int(run.stdout), f"{len(live)} live blocks")


if __name__ == "__main__":
    unittest.main()
