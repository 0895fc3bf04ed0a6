# SPDX-License-Identifier: Apache-2.0
"""A run that is interrupted, fed by a pipe or read by nobody keeps what it has."""
import errno
import fcntl
import json
import os
import signal
import struct
import termios
import time
import unittest

from end_to_end import RECORDING, STM32, EndToEnd

FIRST_DUMP_ENDS = RECORDING.read_bytes().index(b"GT dump=full")


def open_when_read(process, fifo):
    """The writing end of a pipe, as soon as the process has opened the other one."""
    while process.poll() is None:
        try:
            return os.fdopen(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK), "wb", buffering=0)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.001)
    raise AssertionError(f"memflow ended with {process.returncode}: {process.communicate()}")


def write_and_wait(process, pipe, content):
    """Returns when the process has taken all of it: FIONREAD of a pipe counts what is left in it."""
    os.set_blocking(pipe.fileno(), True)
    pipe.write(content)
    while process.poll() is None and struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]:
        time.sleep(0.001)


class Interrupt(EndToEnd):
    def read_fifo(self, *words):
        """A run that reads a pipe which stays open behind `words` of the recording."""
        fifo = self.folder / "board"
        os.mkfifo(fifo)
        process = self.start("run", STM32, "--set", f"board.device={fifo}", *words)
        return process, open_when_read(process, fifo)

    def test_control_c_keeps_what_was_received(self):
        process, pipe = self.read_fifo()
        with pipe:
            write_and_wait(process, pipe, RECORDING.read_bytes())
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, stderr.decode())
        self.assertIn("51,712", stdout.decode())
        self.assertTrue((self.folder / "reports/stm32.json").exists())

    def test_end_of_a_pipe_is_the_end_of_the_run(self):
        process, pipe = self.read_fifo()
        with pipe:
            write_and_wait(process, pipe, RECORDING.read_bytes()[:FIRST_DUMP_ENDS])
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, stderr.decode())
        self.assertIn("12,000", stdout.decode())

    def test_stdin(self):
        run = self.memflow("run", STM32, "--set", "board.device=-", feed=RECORDING.read_bytes())
        self.assert_run(run)
        self.assertIn("51,712", run.stdout)

    def test_nobody_reads_stdout(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        run = self.memflow("run", STM32, stdout=write_end)
        os.close(write_end)
        self.assertGreaterEqual(run.status, 0, "killed by a signal")
        json.loads((self.folder / "reports/stm32.json").read_text())
        self.assert_no_partial_files(run)


if __name__ == "__main__":
    unittest.main()
