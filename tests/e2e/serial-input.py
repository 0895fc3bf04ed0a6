# SPDX-License-Identifier: Apache-2.0
"""What memflow makes of recorded text: every recording against its manifest, restarts, damage, and no dumps at all."""
import contextlib
import csv
import os
import re
import sys
import tempfile

from memflow_run import Loop, Run, check, check_equal, run_tests

MEMFLOW = sys.argv[1]
DATA = "tests/data/serial"
BOARD = "qemu-1.28.0-netduino2-stm32f205"
DUMP = re.compile(r"(?:mem: .*\n)?stack: .*\nGC: .*\n No\. .*\nGC memory layout.*\n(?:[0-9a-f]+: .*\n| +\(.*\n)+")


def recording(script, target=BOARD):
    with open(f"{DATA}/{target}/{script}", encoding="utf-8", newline="") as file:
        return file.read().replace("\r\n", "\n")


def dump():
    return DUMP.search(recording("08_fragment.txt"))[0]


def banner():
    return next(line for line in recording("08_fragment.txt").splitlines(True) if "MicroPython v" in line)


@contextlib.contextmanager
def reading(text, *arguments, status=0, **options):
    """memflow has read `text` (bytes of a device) from a file and has ended with `status`."""
    with tempfile.NamedTemporaryFile("w", newline="", suffix=".txt") as file:
        file.write(text)
        file.flush()
        with reading_path(file.name, *arguments, status=status, **options) as run:
            yield run


@contextlib.contextmanager
def reading_path(path, *arguments, status=0, **options):
    run = Run(MEMFLOW, Loop(), {"device": os.path.abspath(path), **options}, arguments)
    try:
        run.wait(status)
        yield run
    finally:
        run.close()


def manifest():
    """(path, rows of the manifest) of each recording."""
    files = {}
    with open(f"{DATA}/MANIFEST.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            files.setdefault(f"{DATA}/{row['target']}/{row['script']}.txt", []).append(row)
    return {path: rows for path, rows in files.items() if os.path.exists(path)}


def check_dump(row, stats):
    check_equal([stats["total"], stats["used"], stats["free"]], [int(row[k]) for k in ("total", "used", "free")], "figures")
    if row["block_bytes"] and row["max_free_blk"]:
        check_equal(stats["largest_free"], int(row["max_free_blk"]) * int(row["block_bytes"]), "largest free run")
    if row["max_new_split"]:
        check_equal(stats["growable"], int(row["max_new_split"]), "growable")


def check_map(row, snapshot, blocks):
    mine = [block for block in blocks if block["snapshot"] == snapshot["snapshot"]]
    used = [block["size"] for block in mine if block["state"] != "free"]
    check_equal(len(mine), snapshot["blocks"], "blocks of the snapshot")
    check_equal(len(used), int(row["map_heads"]), "used blocks")
    check_equal(sum(used), int(row["gc_mem_alloc"]), "bytes used, against gc.mem_alloc()")
    check_equal(sum(block["size"] for block in mine), int(row["total"]), "bytes of the map")
    check_equal(snapshot["regions"], int(row["areas"]), "regions")


def test_every_recording():
    dumps = maps = 0
    for path, rows in manifest().items():
        with reading_path(path) as run:
            stats, snapshots = run.rows("heap.stats"), run.rows("heap.snapshot")
            blocks = run.rows("heap.block")
            check_equal(len(stats), len(rows), f"dumps in {path}")
            for row, found in zip(rows, stats):
                check_dump(row, found)
            with_map = [row for row in rows if row["map_heads"]]
            check_equal(len(snapshots), len(with_map), f"maps in {path}")
            for row, snapshot in zip(with_map, snapshots):
                check_map(row, snapshot, blocks)
            check_equal(run.rows("input.damage"), [], path)
            dumps, maps = dumps + len(stats), maps + len(snapshots)
    check(dumps > 100, f"only {dumps} dumps")
    print(f"# measured dumps {dumps} dumps\n# measured maps {maps} maps")


def test_restarts():
    text = banner() + dump() + banner() + "noise\n" + dump() + "MPY: soft reboot\n" + banner() + dump()
    with reading(text) as run:
        check_equal([(b["epoch"], b["soft"]) for b in run.rows("device.boot")],
                    [(0, "reset"), (1, "reset"), (2, "soft-reset")], "starts")
        check_equal({b["version"] for b in run.rows("device.boot")}, {"MicroPython 1.28.0"}, "versions")
        check_equal([event["epoch"] for event in run.events("heap.snapshot")], [0, 1, 2], "epochs")
        check_equal([s["ordinal"] for s in run.rows("heap.snapshot")], [1, 2, 3], "ordinals")


def test_circuitpython():
    text = "Adafruit CircuitPython 8.2.0 on 2023-07-05; Raspberry Pi Pico with rp2040\n"
    with reading(text + dump()) as run:
        check_equal([(b["version"], b["board"], b["mcu"]) for b in run.rows("device.boot")],
                    [("CircuitPython 8.2.0", "Raspberry Pi Pico", "rp2040")], "starts")


def test_order():
    fault = "MemoryError: memory allocation failed, allocating 400 bytes\n"
    with reading(dump() + fault + dump() + fault) as run:
        check_equal([s["sequence"] for s in run.rows("heap.snapshot")], [1, 3], "dumps")
        check_equal([(f["sequence"], f["after_ordinal"], f["requested"]) for f in run.rows("device.fault")],
                    [(2, 1, 400), (4, 2, 400)], "faults")


def damaged():
    whole = dump()
    at = whole.index("....", whole.index("layout"))
    return whole[:at] + "h" + whole[at + 1:]


def test_damage():
    text = dump() + damaged() + dump()
    with reading(text) as run:
        damage = run.rows("input.damage")
        check_equal(len(damage), 1, "damaged dumps")
        check_equal([s["ordinal"] for s in run.rows("heap.snapshot")], [1, 3], "dumps")
        lines = len(dump().splitlines())
        check_equal((damage[0]["line"], damage[0]["last_line"]), (lines + 1, 2 * lines), "its lines")
        check_equal([(e["type"], e["reason"], e["count"]) for e in run.rows("core.lost")],
                    [("heap.snapshot", "damaged", 1)], "losses")
        check("is damaged and left out" in run.said, run.said)
    with reading(text, "--fail-on-loss", status=4):
        pass


def test_nothing_usable():
    with reading("hello\n" * 120, status=1) as run:
        check("no heap dump in 720 bytes, 120 lines, 0 of them understood; the device must run" in run.said, run.said)
        check("device = " in run.said, f"no place in the configuration: {run.said}")
    with reading(damaged(), status=1) as run:
        check("none of its 1 heap dumps is whole; the first: line " in run.said, run.said)
    with reading("", status=1) as run:
        check(" is empty" in run.said, run.said)


def test_enough():
    with reading(3 * dump(), dumps="2") as run:
        check_equal(len(run.rows("heap.snapshot")), 2, "dumps")


def test_fifo():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fifo")
        os.mkfifo(path)
        loop = Loop()
        run = Run(MEMFLOW, loop, {"device": path})
        with open(path, "w", encoding="ascii") as writer:
            writer.write(dump())
        run.wait(0)
        check_equal(len(run.rows("heap.snapshot")), 1, "dumps")
        check_equal(run.rows("heap.snapshot")[0]["time"], None, "a pipe has no clock")
        run.close()


def test_invented_names():
    """A device that puts a new name into each traceback does not fill memflow's memory."""
    trace = 'Traceback (most recent call last):\n  File "a%d.py", line 1, in f%d\nMemoryError: \n'
    with reading("".join(trace % (i, i) for i in range(12000))) as run:
        check_equal(len(run.rows("device.fault")), 12000, "faults")
        check("has used 10000 different names" in run.said, run.said)


if __name__ == "__main__":
    run_tests([test_every_recording, test_restarts, test_circuitpython, test_order, test_damage, test_nothing_usable,
               test_enough, test_fifo, test_invented_names])
