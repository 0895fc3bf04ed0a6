# SPDX-License-Identifier: Apache-2.0
"""What the shipped configurations cost: peak resident memory against a limit, and the time to start."""
import statistics
import subprocess
import time
import unittest

from end_to_end import COMMAND, ENVIRONMENT, STM32, EndToEnd, measured, peak_memory_kib

# Of diff.ini: one of the two runs of `memflow diff`. Of python-hooks.ini: the larger of memflow and the program. The heap of
# attach-heap.ini and attach-growth.ini is that of a Python that has just started.
LIMITS_MIB = {"stm32": 16, "predeploy": 24, "memory-error": 16, "hotspots": 16, "diff": 16, "python-hooks": 24, "attach": 24,
              "attach-growth": 48, "attach-heap": 48, "attach-alive": 64, "listen": 24, "attach-hooks": 32}
PYTHON = "/usr/bin/python3"
CAPTURE = "configs/recordings/known-program.mfc"
# Those that look at a program that runs already, and how it is named to them.
ATTACHED = {"attach": "target.pid", "attach-alive": "target.pid", "attach-growth": "target.pid", "attach-heap": "target.pid", "attach-hooks": "hooks.pid"}
ARGUMENTS = {
    "diff": ["diff", CAPTURE, CAPTURE],
    "python-hooks": ["run", "configs/python-hooks.ini", "--", PYTHON, "-c", "pass"],
} | {name: ["run", f"configs/{name}.ini", "--for", "500ms", "--set", option + "={target}"] for name, option in ATTACHED.items()}
# What runs beside them: a program to look at, a recorder to listen to.
BESIDE = {"listen": [COMMAND, "record", "--to", "127.0.0.1:7117", "--", PYTHON, "-c", "pass"]} | {
    name: [PYTHON, "-c", "import time; time.sleep(60)"] for name in ATTACHED}


class Memory(EndToEnd):
    def test_every_configuration_has_a_limit(self):
        """Each but core.ini, which reads a core file as large as the process that left it."""
        names = {path.stem for path in (self.folder / "configs").glob("*.ini")}
        self.assertEqual(sorted(names - {"core"}), sorted(LIMITS_MIB))

    def beside(self, name):
        if name not in BESIDE:
            return 0
        process = subprocess.Popen(BESIDE[name], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    def test_peak_memory(self):
        for name, limit in LIMITS_MIB.items():
            with self.subTest(name):
                target = self.beside(name)
                words = [word.format(target=target) for word in ARGUMENTS.get(name, ["run", f"configs/{name}.ini"])]
                peak, _ = peak_memory_kib(words, self.folder)
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
