# SPDX-License-Identifier: Apache-2.0
"""report.py MEASURE: the launcher of the tests and the report of check.sh: nothing that failed may look well."""
import json
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
MEASURE = sys.argv.pop()

RESULTS = """<?xml version="1.0"?>
<testsuite name="ctest" tests="4">
 <testcase name="good" time="1.5" status="run"><system-out># measured peak-memory 2048 KiB
# measured cpu-time 0.25 s
# measured rows 6e7 rows/s &gt;= 5e7
</system-out></testcase>
 <testcase name="bad" time="0" status="fail"><failure message="" /><system-out /></testcase>
 <testcase name="no board" time="0" status="notrun"><skipped message="SKIP_RETURN_CODE=77" /></testcase>
 <testcase name="not built" time="0" status="notrun"><skipped message="Unable to find executable" /></testcase>
</testsuite>"""


class Measure(unittest.TestCase):
    def measure(self, *words):
        return subprocess.run([MEASURE, *words], capture_output=True, text=True)

    def test_cost_follows_the_output(self):
        done = self.measure("echo", "ok 1")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\Aok 1\n# measured peak-memory \d+ KiB\n# measured cpu-time \d+\.\d+ s\n\Z")

    def test_peak_memory_is_that_of_the_command(self):
        small = self.peak("b''")
        self.assertGreater(self.peak("b'x' * (50 << 20)"), small + (49 << 10))

    def peak(self, expression):
        return int(self.measure("/usr/bin/python3", "-c", expression).stdout.split()[3])

    def test_end_is_that_of_the_command(self):
        self.assertEqual(self.measure("sh", "-c", "exit 77").returncode, 77)
        self.assertEqual(self.measure("sh", "-c", "kill -ABRT $$").returncode, -signal.SIGABRT)
        self.assertEqual(self.measure("/no/such/command").returncode, 127)
        self.assertEqual(self.measure().returncode, 2)

    def test_cost_goes_to_a_file(self):
        with tempfile.NamedTemporaryFile("r") as file:
            self.assertEqual(self.measure("-o", file.name, "echo", "data").stdout, "data\n")
            self.assertIn("# measured peak-memory", file.read())


class Report(unittest.TestCase):
    def report(self, **files):
        """The last line, the exit status and the JSON of a report on one configuration with these files."""
        with tempfile.TemporaryDirectory() as folder:
            for suffix, content in ({"build": "0 12\n", "log": "said\n"} | files).items():
                (Path(folder) / f"default.{suffix}").write_text(content)
            done = subprocess.run([sys.executable, SOURCE / "scripts/report.py", folder, "default"],
                                  capture_output=True, text=True)
            xml.parse(Path(folder) / "junit.xml")
            return done.stdout.splitlines()[-1], done.returncode, json.loads((Path(folder) / "report.json").read_text())

    def test_every_kind_of_end_is_counted(self):
        line, status, report = self.report(xml=RESULTS)
        self.assertEqual((line, status), ("2 passed, 2 failed, 1 skipped", 1))
        self.assertEqual({test["name"]: test["measured"] for test in report["tests"]},
                         {"build": "passed", "good": "passed", "bad": "failed", "no board": "skipped", "not built": "failed"})

    def test_figures_are_collected(self):
        good = self.report(xml=RESULTS)[2]["tests"][1]
        self.assertEqual(good["peak_memory_bytes"], 2 << 20)
        self.assertEqual((good["seconds"], good["cpu_seconds"]), (1.5, 0.25))
        self.assertEqual(good["figures"], [{"name": "rows", "expected": ">= 5e7", "measured": 6e7, "unit": "rows/s"}])

    def test_a_failed_build_is_a_failure(self):
        self.assertEqual(self.report(build="1 3\n")[:2], ("0 passed, 1 failed", 1))

    def test_missing_results_are_a_failure(self):
        self.assertEqual(self.report()[:2], ("0 passed, 1 failed", 1))


if __name__ == "__main__":
    unittest.main()
