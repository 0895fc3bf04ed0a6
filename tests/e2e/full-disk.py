# SPDX-License-Identifier: Apache-2.0
"""When the output cannot be written, the run says so and leaves no half file under a final name."""
import resource
import signal
import unittest

from end_to_end import STM32, EndToEnd


def no_file_longer_than(limit):
    """For preexec_fn: a disk that is full after `limit` bytes of each file; the write fails, no signal kills."""
    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return limit_files


class FullDisk(EndToEnd):
    def assert_clear_failure(self, run, *words):
        self.assert_run(run, 1)
        for word in words:
            self.assertIn(word, run.stderr)
        self.assert_no_partial_files(run)

    def test_stdout_is_full(self):
        with open("/dev/full", "wb") as full:
            run = self.memflow("run", STM32, stdout=full)
        self.assert_clear_failure(run, "No space left on device")

    def test_a_device_as_output_is_full(self):
        run = self.memflow("run", STM32, "--set", "report.path=/dev/full")
        self.assert_clear_failure(run, "/dev/full", "No space left on device")

    def test_files_are_cut_off(self):
        for limit in (0, 1, 100, 4096):
            with self.subTest(limit=limit):
                folder = self.new_folder(str(limit))
                run = self.memflow("run", STM32, folder=folder, preexec_fn=no_file_longer_than(limit))
                self.assert_clear_failure(run, "File too large")
                whole = self.memflow("run", STM32)
                for name in run.files():
                    self.assertEqual((folder / name).read_bytes(), (self.folder / name).read_bytes(), name)

    def test_folder_cannot_be_made(self):
        (self.folder / "reports").write_text("a file where the folder should be")
        run = self.memflow("run", STM32)
        self.assert_clear_failure(run, "reports")


if __name__ == "__main__":
    unittest.main()
