# SPDX-License-Identifier: Apache-2.0
"""What the shipped configurations cost: peak resident memory against a limit, and the time to start."""
import statistics
import subprocess
import time
import unittest

from end_to_end import COMMAND, ENVIRONMENT, STM32, EndToEnd, measured, peak_memory_kib

# Of diff.ini: one of the two runs of `memflow diff`. Of python-hooks.ini: the larger of memflow and the program.
LIMITS_MIB = {"stm32": 16, "memory-error": 16, "hotspots": 16, "diff": 16, "python-hooks": 24}
CAPTURE = "configs/recordings/known-program.mfc"
ARGUMENTS = {
    "diff": ["diff", CAPTURE, CAPTURE],
    "python-hooks": ["run", "configs/python-hooks.ini", "--", "/usr/bin/python3", "-c", "pass"],
}


class Memory(EndToEnd):
    def test_every_configuration_has_a_limit(self):
        self.assertEqual(sorted(path.stem for path in (self.folder / "configs").glob("*.ini")), sorted(LIMITS_MIB))

    def test_peak_memory(self):
        for name, limit in LIMITS_MIB.items():
            with self.subTest(name):
                peak, _ = peak_memory_kib(ARGUMENTS.get(name, ["run", f"configs/{name}.ini"]), self.folder)
                self.assertTrue(measured(f"{name}-peak-memory", peak, "KiB", limit * 1024))

    def test_start_up(self):
        """The median of ten starts that only load; the aim is 20 ms, the limit allows for a busy machine."""
        seconds = []
        for _ in range(10):
            begin = time.monotonic()
            subprocess.run([COMMAND, "check", STM32], cwd=self.folder, env=ENVIRONMENT, check=True,
                           capture_output=True)
            seconds.append(time.monotonic() - begin)
        self.assertTrue(measured("start-up", statistics.median(seconds) * 1000, "ms", 200))


if __name__ == "__main__":
    unittest.main()
