# SPDX-License-Identifier: Apache-2.0
"""Boots Debian's MicroPython for the micro:bit in qemu, lets memflow poll its prompt through a relay, provokes a
MemoryError between two polls, and compares every figure with what the board itself has printed."""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tty

from memflow_run import Loop, Run, Terminal, check, check_equal, run_tests

MEMFLOW = sys.argv[1]
FIRMWARE = "/usr/share/firmware-microbit-micropython/firmware.hex"
QEMU = shutil.which("qemu-system-arm")
HEAP = 10048  # bytes, of this firmware
PROMPT = b">>> "

FUNCTIONS = """\
import gc,micropython
def dump():
 a=gc.mem_alloc()
 micropython.mem_info(1)
 print('GT',a)
def fill():
 x=[]
 while 1:x.append(bytearray(48))
"""


class Board:
    """qemu's micro:bit, and a relay between it and memflow that can hold memflow's bytes back."""

    def __init__(self, loop, link):
        self.loop = loop
        self.printed = b""  # everything that the board ever sent
        self.sent = b""     # everything that memflow ever sent
        self.held = None    # memflow's bytes while the test itself talks to the board
        self.qemu = subprocess.Popen([QEMU, "-M", "microbit", "-display", "none", "-monitor", "none", "-serial", "pty",
                                      "-device", f"loader,file={FIRMWARE}"], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True)
        announced = re.search(r"/dev/pts/\d+", self.qemu.stdout.readline())
        check(announced, "qemu announced no pseudo terminal")
        self.fd = os.open(announced[0], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.terminal = Terminal(link)
        loop.add(self.fd, self.from_board)
        loop.add(self.terminal.fd, self.from_memflow)

    def from_board(self, data):
        self.printed += data
        with contextlib.suppress(BlockingIOError):  # nobody reads while memflow is not running
            os.write(self.terminal.fd, data)

    def from_memflow(self, data):
        self.sent += data
        if self.held is None:
            os.write(self.fd, data)
        else:
            self.held += data

    def wait_for(self, text, start):
        self.loop.until(lambda: text in self.printed[start:], f"{text!r} from the board")

    def ask(self, line, answer=PROMPT):
        start = len(self.printed)
        os.write(self.fd, line)
        self.wait_for(answer, start)
        return self.printed[start:]

    def paste(self, text):
        """Waits for the echo of each few bytes: the firmware drops what does not fit into its receive buffer."""
        self.ask(b"\x05", b"=== ")
        for line in text.encode().splitlines():
            for at in range(0, len(line), 16):
                self.ask(line[at:at + 16], line[at:at + 16])
            self.ask(b"\r", b"\n=== ")
        return self.ask(b"\x04")

    def wait_for_poll(self):
        """A whole poll: its script has ended and the prompt is back. From then on memflow is held back."""
        start = len(self.printed)
        self.wait_for(b"\x04\x04>", start)
        self.wait_for(PROMPT, self.printed.index(b"\x04\x04>", start))
        self.held = b""

    def release(self):
        os.write(self.fd, self.held)
        self.held = None

    def totals(self, start):
        found = re.findall(rb"GC: total: (\d+), used: (\d+), free: (\d+)", self.printed[start:])
        return [tuple(map(int, figures)) for figures in found]

    def close(self):
        self.loop.remove(self.fd)
        self.loop.remove(self.terminal.fd)
        self.terminal.unplug()
        os.close(self.fd)
        self.qemu.terminate()
        self.qemu.wait()
        self.qemu.stdout.close()


class Bench:
    """A booted board at its prompt, and the runs of memflow on it."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="memflow-microbit-")
        self.link = os.path.join(self.folder.name, "board")
        self.loop = Loop()
        self.runs = []
        self.board = Board(self.loop, self.link)
        self.board.ask(b"\r")
        return self

    def run(self, **options):
        self.runs.append(Run(MEMFLOW, self.loop, {"device": self.link, **options}))
        return self.runs[-1]

    def __exit__(self, *_):
        for run in self.runs:
            run.close()
        self.board.close()
        self.folder.cleanup()


def check_snapshots(run, expected):
    blocks = run.rows("heap.block")
    snapshots = run.rows("heap.snapshot")
    check_equal(len(snapshots), expected, "snapshots")
    for snapshot in snapshots:
        mine = [block for block in blocks if block["snapshot"] == snapshot["snapshot"]]
        check_equal(len(mine), snapshot["blocks"], "blocks of a snapshot")
        check_equal(sum(block["size"] for block in mine), HEAP, "bytes of all blocks")
        used = sum(block["size"] for block in mine if block["state"] != "free")
        check_equal(used, snapshot["used"], "bytes of used blocks")


def test_poll_and_fault():
    with Bench() as bench:
        board = bench.board
        board.paste(FUNCTIONS)
        start = len(board.printed)
        run = bench.run(poll="1s", dumps="5")
        board.wait_for_poll()
        measured = board.ask(b"dump()\r")
        refused = board.ask(b"fill()\r")
        board.release()
        run.wait(0)
        check("interrupts the program" in run.said, f"no warning that polling interrupts: {run.said}")

        totals = board.totals(start)
        stats = run.rows("heap.stats")
        check_equal([(s["total"], s["used"], s["free"]) for s in stats], totals, "figures of all dumps")
        check_equal([s["total"] for s in stats], 5 * [HEAP], "heap sizes")
        allocated = int(re.search(rb"GT (\d+)", measured)[1])
        check_equal(stats[1]["used"], allocated, "used, against gc.mem_alloc() of the same instant")
        check_snapshots(run, 5)

        bytes_refused = int(re.search(rb"MemoryError: memory allocation failed, allocating (\d+) bytes", refused)[1])
        check_equal([(f["kind"], f["caught"], f["requested"], f["after_ordinal"]) for f in run.rows("device.fault")],
                    [("memory", "uncaught", bytes_refused, 2)], "faults")
        check_equal(run.rows("input.damage"), [], "damaged dumps")
        board.loop.until(lambda: board.sent.endswith(b"\x02"), "memflow's last byte: Ctrl-B, to the prompt")
        board.ask(b"print(6*7)\r", b"\n42\r")


def test_interrupted_program_and_soft_reset():
    with Bench() as bench:
        board = bench.board
        board.ask(b"while 1:pass\r", b"... ")
        start = len(board.printed)
        os.write(board.fd, b"\r")
        run = bench.run(poll="500ms", collect="yes", after="soft-reset")
        for _ in range(2):
            board.wait_for_poll()
            board.release()
        run.interrupt()
        run.wait(130)
        board.wait_for(b"soft reboot", start)
        check_equal(run.rows("device.fault"), [], "faults (the KeyboardInterrupt was ours)")
        used = [s["used"] for s in run.rows("heap.stats")]
        check(len(used) >= 2, f"{len(used)} dumps")
        check_equal(used, [used for _, used, _ in board.totals(start)][:len(used)], "used")
        check(all("collectable" not in s["flags"] for s in run.rows("heap.snapshot")), "collected, yet collectable")


def test_snippet():
    snippet = subprocess.run([MEMFLOW, "inspect", "serial", "--snippet"], check=True, capture_output=True, text=True).stdout
    with Bench() as bench:
        start = len(bench.board.printed)
        run = bench.run(dumps="1")
        bench.board.paste(snippet)
        run.wait(0)
        check_equal([s["used"] for s in run.rows("heap.stats")], [bench.board.totals(start)[0][1]], "used")


if __name__ == "__main__":
    if not QEMU or not os.path.exists(FIRMWARE):
        print("1..0 # SKIP install qemu-system-arm and firmware-microbit-micropython")
        sys.exit(77)
    run_tests([test_poll_and_fault, test_interrupted_program_and_soft_reset, test_snippet])
