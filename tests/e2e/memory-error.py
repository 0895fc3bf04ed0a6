# SPDX-License-Identifier: Apache-2.0
"""A board that was refused 3,400 B with 4,656 B free: the report is about that request."""
import unittest

from end_to_end import EndToEnd


class MemoryError(EndToEnd):
    def setUp(self):
        super().setUp()
        self.run_of_it = self.assert_run(self.memflow("run", "configs/memory-error.ini"))

    def test_what_a_person_reads(self):
        self.assert_golden("memory-error.txt", self.run_of_it.stdout)

    def test_verdict_names_request_and_free_bytes(self):
        for figure in ("FRAGMENTED", "3,400 B", "4,656 B", "704 B"):
            self.assertIn(figure, self.run_of_it.stdout)

    def test_json_has_heap_and_fault(self):
        [dump] = self.json_rows("reports/memory-error.json", "heap.snapshot")
        self.assertEqual((dump["total"], dump["used"], dump["free"]), (10048, 5392, 4656))
        [fault] = self.json_rows("reports/memory-error.json", "device.fault")
        self.assertEqual((fault["requested"], fault["caught"], fault["after_ordinal"]), (3400, "uncaught", 1))
        self.assertEqual(fault["stack"][0]["line"], 10)

    def test_largest_free_run(self):
        blocks = self.json_rows("reports/memory-error.json", "heap.block")
        self.assertEqual(max(block["size"] for block in blocks if block["state"] == "free"), 704)


if __name__ == "__main__":
    unittest.main()
