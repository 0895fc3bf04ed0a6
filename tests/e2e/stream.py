# SPDX-License-Identifier: Apache-2.0
"""stream.py [--long]: however long a board talks, memory stays constant. --long: 1 GB of dumps, 10 million lines of noise."""
import itertools
import sys
import time
import unittest

from end_to_end import RECORDING, EndToEnd, measured, peak_memory_kib

LONG = "--long" in sys.argv[1:]
DUMPS_MB, NOISE_LINES = (1000, 10_000_000) if LONG else (32, 500_000)
LIMIT_KIB = 48 * 1024  # most of it queues that are full because text is slower than the parser
CONFIGURATION = """\
[pipeline]
name = stream
[collector board]
plugin = serial
device = -
[analyzer fragmentation]
[analyzer size-classes]
[format report]
plugin = text
path = -
"""


def dumps(megabytes):
    recording = RECORDING.read_bytes()
    return itertools.repeat(recording, megabytes * 1_000_000 // len(recording))


def noise(lines):
    """Different lines, so that whoever keeps each of them shows."""
    for first in range(0, lines, 10_000):
        yield b"".join(b"sensor %d: %d lx\r\n" % (n, n * 7919 % 1009) for n in range(first, first + 10_000))


class Stream(EndToEnd):
    def setUp(self):
        super().setUp()
        (self.folder / "stream.ini").write_text(CONFIGURATION)

    def run_on(self, feed):
        begin = time.monotonic()
        peak, said = peak_memory_kib(["run", "stream.ini"], self.folder, feed)
        return peak, said, time.monotonic() - begin

    def test_dumps(self):
        peak, said, seconds = self.run_on(dumps(DUMPS_MB))
        self.assertIn("51,712", said)
        measured("dumps-rate", DUMPS_MB / seconds, "MB/s")
        self.assertTrue(measured("dumps-peak-memory", peak, "KiB", LIMIT_KIB))

    def test_noise(self):
        peak, said, seconds = self.run_on(itertools.chain(noise(NOISE_LINES), dumps(1)))
        self.assertIn("51,712", said)
        measured("noise-rate", NOISE_LINES / seconds, "lines/s")
        self.assertTrue(measured("noise-peak-memory", peak, "KiB", LIMIT_KIB))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
