# SPDX-License-Identifier: Apache-2.0
"""The main job: `memflow run configs/stm32.ini` says and writes what the script on the board measured itself."""
import csv
import json
import os
import re
import unittest

from end_to_end import SOURCE, STM32, EndToEnd

# heap.snapshot of both dumps: gc.mem_alloc() and gc.mem_free() of the recording's own script.
TOTAL, USED, FREE = 96000, (84000, 44288), (12000, 51712)
LARGEST_FREE, FREE_RUNS, BLOCKS = 12000, 322, 651
REFUSED = [38712, 25808, 12904]


class Stm32(EndToEnd):
    def setUp(self):
        super().setUp()
        self.run_of_it = self.assert_run(self.memflow("run", STM32))

    def rows(self, name):
        """The CSV file of an event type, by the names in its header."""
        with open(self.folder / f"reports/stm32-{name}.csv", newline="") as file:
            return list(csv.DictReader(file))

    def events(self, name):
        return self.json_rows("reports/stm32.json", name)

    def test_what_a_person_reads(self):
        self.assertRegex(self.run_of_it.stderr, r"\Awrote reports/stm32.* in [0-9.]+ ms\n\Z")
        self.assert_golden("stm32.txt", self.run_of_it.stdout)

    def test_the_readme_shows_it(self):
        """Its block is this report, with … for lines that it leaves out."""
        [shown] = re.findall(r"^```\n(stm32 .*?)^```$", (SOURCE / "README.md").read_text(), re.M | re.S)
        rest = self.run_of_it.stdout
        for piece in shown.split("…\n"):
            self.assertIn(piece.strip("\n"), rest)
            rest = rest[rest.index(piece.strip("\n")) + len(piece.strip("\n")):]

    def test_verdict(self):
        words = " ".join(self.run_of_it.stdout.split())
        self.assertIn("12,000 B can be allocated in one piece although 51,712 B are free", words)

    def test_nothing_is_wider_than_80_columns(self):
        self.assertEqual([line for line in self.run_of_it.stdout.splitlines() if len(line) > 80], [])

    def test_json_has_the_figures(self):
        dumps = self.events("heap.snapshot")
        self.assertEqual([dump["total"] for dump in dumps], [TOTAL, TOTAL])
        self.assertEqual(tuple(dump["used"] for dump in dumps), USED)
        self.assertEqual(tuple(dump["free"] for dump in dumps), FREE)
        self.assertEqual([fault["requested"] for fault in self.events("device.fault")], REFUSED)
        free = self.free_runs(self.events("heap.block"), dumps[1]["snapshot"])
        self.assertEqual((len(free), sum(free), max(free)), (FREE_RUNS, FREE[1], LARGEST_FREE))

    def test_csv_has_the_figures(self):
        blocks = self.rows("heap.block")
        last = blocks[-1]["snapshot"]
        free = self.free_runs(blocks, last, size="size (B)")
        self.assertEqual((len(free), sum(free), max(free)), (FREE_RUNS, FREE[1], LARGEST_FREE))
        used = [row for row in blocks if row["snapshot"] == last and row["state"] != "free"]
        self.assertEqual((len(used), sum(int(row["size (B)"]) for row in used)), (BLOCKS, USED[1]))

    @staticmethod
    def free_runs(blocks, snapshot, size="size"):
        return [int(row[size]) for row in blocks if row["snapshot"] == snapshot and row["state"] == "free"]

    def test_json_keeps_its_published_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        document = json.loads((self.folder / "reports/stm32.json").read_text())
        jsonschema.validate(document, json.loads((SOURCE / "docs/report.schema.json").read_text()))

    def test_it_leaves_only_reports(self):
        names = self.run_of_it.files()
        self.assertIn("reports/stm32.json", names)
        self.assertIn("reports/stm32-heap.block.csv", names)
        self.assertEqual([name for name in names if not name.startswith("reports/stm32")], [])
        self.assertEqual({(self.folder / name).stat().st_mode & 0o777 for name in names}, {0o600})

    def test_what_modules_say_is_clean_text(self):
        """Names of files may hold any bytes; no terminal gets them."""
        (self.folder / os.fsdecode(b"no\xff\x1b[31mred\xc2\x9b.txt")).write_text("no dump\n")
        process = self.start("run", STM32, os.fsdecode(b"no\xff\x1b[31mred\xc2\x9b.txt"))
        said = process.communicate(timeout=60)[1].decode()
        self.assertIn("no\ufffd?[31mred??.txt: no heap dump", said)


if __name__ == "__main__":
    unittest.main()
