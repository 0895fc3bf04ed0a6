# SPDX-License-Identifier: Apache-2.0
"""A board that is only a pseudo terminal: unplugged, silent, busy, missing, or not what was asked for."""
import contextlib
import fcntl
import os
import sys
import tempfile

from memflow_run import Loop, Run, Terminal, check, check_equal, run_tests

MEMFLOW = sys.argv[1]
RECORDING = "tests/data/serial/deb-microbit-1.9.2-qemu/11_memerror.txt"


def recording():
    with open(RECORDING, "rb") as file:
        return file.read()


@contextlib.contextmanager
def bench():
    """A link to plug boards in, a loop, and a function that runs memflow on the link."""
    with tempfile.TemporaryDirectory(prefix="memflow-port-") as folder, contextlib.ExitStack() as runs:
        link, loop = os.path.join(folder, "board"), Loop()

        def run(*arguments, **options):
            started = Run(MEMFLOW, loop, {"device": link, **options}, arguments)
            runs.callback(started.close)
            return started

        yield link, loop, run


def test_unplugged_and_back():
    """A dump that breaks off is the mark that memflow has read what stood before it."""
    with bench() as (link, _, run):
        board = Terminal(link)
        running = run(dumps="2")
        os.write(board.fd, recording() + b"\r\nGC: total: 10048, used: 1424, free: 1\r\n>>> \r\n")
        running.wait_for("is damaged and left out")
        board.unplug()
        running.wait_for("has disappeared")
        board = Terminal(link)
        os.write(board.fd, recording())
        running.wait(0)
        board.unplug()
        check("is back" in running.said, running.said)
        check_equal([(e["epoch"], e["row"]["ordinal"], e["row"]["used"]) for e in running.events("heap.stats")],
                    [(0, 1, 1424), (1, 3, 1424)], "dumps")
        check_equal([(e["epoch"], e["row"]["requested"]) for e in running.events("device.fault")], [(0, 256)], "faults")


def test_silent():
    with bench() as (link, _, run):
        board = Terminal(link)
        running = run()
        running.wait_for("has sent nothing for 5 s at 115200 baud: press the board's reset button")
        running.interrupt()
        running.wait(130)
        board.unplug()


def test_no_prompt():
    with bench() as (link, loop, run):
        board = Terminal(link)
        asked = []
        loop.add(board.fd, lambda data: asked.append(data) or os.write(board.fd, b"E (91) boot: no app\r\n"))
        running = run(poll="5s")
        running.wait(1)
        check('no MicroPython prompt within 10 s of Ctrl-C; last seen: "' in running.said, running.said)
        check("no app" in running.said, running.said)
        check_equal(asked[0], b"\r\x03\x03", "what was sent first")
        loop.remove(board.fd)
        board.unplug()


def test_refusals():
    with bench() as (link, _, run):
        running = run()
        running.wait(1)
        check("No such file or directory" in running.said, running.said)

        board = Terminal(link)
        running = run("--deterministic")
        running.wait(1)
        check("run it without --deterministic" in running.said, running.said)

        fcntl.flock(board.slave, fcntl.LOCK_EX)
        running = run()
        running.wait(1)
        check("another program has it open" in running.said, running.said)
        board.unplug()

        running = run(device="/dev/ttyNOWHERE7")
        running.wait(1)
        check("cannot open /dev/ttyNOWHERE7: No such file or directory; " in running.said, running.said)
        check("serial ports" in running.said, running.said)

        running = run(device=os.path.abspath(RECORDING), poll="5s")
        running.wait(1)
        check("only a board can be polled" in running.said, running.said)


if __name__ == "__main__":
    run_tests([test_unplugged_and_back, test_silent, test_no_prompt, test_refusals])
