# SPDX-License-Identifier: Apache-2.0
"""The command line: what each mistake says, and its exit status."""
import unittest

from end_to_end import STM32, EndToEnd


class Command(EndToEnd):
    def test_shipped_configurations_pass_check(self):
        shipped = sorted((self.folder / "configs").glob("*.ini"))
        self.assertTrue(shipped)
        for path in shipped:
            with self.subTest(path.name):
                self.assert_run(self.memflow("check", path))

    def test_check_runs_nothing(self):
        self.assertEqual(self.assert_run(self.memflow("check", STM32)).files(), [])

    def insert(self, after, line):
        """Adds a line to the shipped configuration."""
        path = self.folder / STM32
        text = path.read_text()
        self.assertIn(after, text)
        path.write_text(text.replace(after, f"{after}\n{line}"))

    def test_mistakes_are_shown_with_their_place(self):
        """All mistakes of one file in one run, each with line, caret and remedy."""
        self.insert("[analyzer fragmentation]", "questoin = 12KiB\nquestion = 64K")
        run = self.assert_run(self.memflow("check", STM32), 2)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr, """\
configs/stm32.ini:13:1: error: analyzer 'fragmentation' has no option 'questoin'
   13 | questoin = 12KiB
      | ^~~~~~~~ did you mean 'question'?   (memflow inspect fragmentation)
configs/stm32.ini:14:12: error: '64K' is ambiguous
   14 | question = 64K
      |            ^~~ write 64KiB (65,536 bytes) or 64kB (64,000 bytes)
2 errors
""")

    def test_run_says_what_check_says(self):
        self.insert("[analyzer fragmentation]", "questoin = 12KiB")
        check, run = self.memflow("check", STM32), self.memflow("run", STM32)
        self.assertEqual((run.status, run.stderr, run.files()), (2, check.stderr, []))

    def test_exit_status(self):
        for status, words in (
            (0, ["--version"]),
            (0, ["--help"]),
            (0, ["list-plugins"]),
            (2, []),
            (2, ["no-such-command"]),
            (2, ["run"]),
            (2, ["run", "no-such-file.ini"]),
            (2, ["run", STM32, "--no-such-option"]),
            (2, ["run", STM32, "--set", "board.no-such-key=1"]),
            (2, ["run", STM32, "--set", "nobody.device=x"]),
            (2, ["inspect", "no-such-plugin"]),
            (1, ["run", STM32, "--set", "board.device=/no/such/device"]),
        ):
            with self.subTest(" ".join(map(str, words))):
                run = self.assert_run(self.memflow(*words), status)
                self.assertTrue(run.stdout if status == 0 else run.stderr, "says nothing")

    def test_missing_recording_names_the_file(self):
        run = self.assert_run(self.memflow("run", STM32, "--set", "board.device=/no/such/device"), 1)
        self.assertIn("/no/such/device", run.stderr)
        self.assertIn("No such file or directory", run.stderr)
        self.assert_no_partial_files(run)


if __name__ == "__main__":
    unittest.main()
