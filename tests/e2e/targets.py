# SPDX-License-Identifier: Apache-2.0
"""memflow targets: the list, one machine in detail, and a file of one's own with mistakes."""
import unittest

from end_to_end import EndToEnd


class Targets(EndToEnd):
    def test_the_list(self):
        self.assert_golden("targets.txt", self.assert_run(self.memflow("targets")).stdout)

    def test_machines(self):
        run = self.assert_run(self.memflow("targets", "i386-py3.11", "stm32f405-micropython"))
        self.assert_golden("targets-machines.txt", run.stdout)

    def test_mistakes(self):
        path = self.folder / "board.ini"
        path.write_text("[target]\ntitle = a board\narchitecture = armv7em\npointer = 4\nversion = 3.7.1\n")
        run = self.assert_run(self.memflow("targets", path, "nowhere"), 2)
        self.assertIn("memflow: there is no target 'nowhere'", run.stderr)
        self.assertIn("board.ini:5:11: error: object sizes are known of CPython 3.8 to 3.15", run.stderr)
        self.assertEqual(run.stdout, "")


unittest.main()
