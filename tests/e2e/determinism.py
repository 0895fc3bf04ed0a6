# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same output byte for byte, wherever and in whatever environment it runs."""
import unittest

from end_to_end import STM32, EndToEnd


class Determinism(EndToEnd):
    def outputs(self, name, *words, **environment):
        folder = self.new_folder(name)
        run = self.assert_run(self.memflow("run", STM32, *words, folder=folder, environment=environment))
        return run.stdout, {path: (folder / path).read_text() for path in run.files()}

    def test_two_runs_are_equal(self):
        first = self.outputs("first")
        self.assertTrue(first[1], "no report was written")
        self.assertEqual(first, self.outputs("second"))

    def test_threads_make_no_difference(self):
        stdout, files = self.outputs("one-thread", "--deterministic")
        files["reports/stm32.json"] = files["reports/stm32.json"].replace('"deterministic":true', '"deterministic":false')
        self.assertEqual(self.outputs("threads"), (stdout, files))

    def test_time_zone_and_columns_make_no_difference(self):
        self.assertEqual(self.outputs("here"), self.outputs("there", TZ="Asia/Kolkata", COLUMNS="200", LC_ALL="C.UTF-8"))


if __name__ == "__main__":
    unittest.main()
