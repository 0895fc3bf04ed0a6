# SPDX-License-Identifier: Apache-2.0
"""A run is recorded and replayed: the same events in the same order, also after damage, which is told exactly."""
import collections
import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from memflow_run import check, check_equal, run_tests

MEMFLOW = sys.argv[1]
DATA = "tests/data/serial"
DUMPS = f"{DATA}/qemu-1.28.0-netduino2-stm32f205/08_fragment.txt"
RECORDING = "configs/recordings/stm32f205-fragment.txt"
FAULT = f"{DATA}/deb-microbit-1.9.2-qemu/11_memerror.txt"
ANALYZERS = "[analyzer fragmentation]\n[analyzer size-classes]\n"
FILE_HEADER, BLOCK_HEADER, STORED_AT = 32, 32, 8


class Bench:
    """A folder; each run writes its events to NAME.jsonl and, if it is to, a capture to NAME.mfc."""

    def __init__(self, folder):
        self.folder = folder
        self.said = ""

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, name, collector, stages="", arguments=(), status=0):
        configuration = self.path(name + ".ini")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(f"[pipeline]\nname = run\noutput = {self.folder}\n[collector board]\n{collector}\n{stages}\n"
                       f"[format json]\nmode = lines\npath = {name}.jsonl\n")
        run = subprocess.run([MEMFLOW, "run", configuration, *arguments], stdin=subprocess.DEVNULL, timeout=60,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.said = run.stdout.decode(errors="replace")
        check_equal(run.returncode, status, f"exit status of {name} ({self.said})")
        return self.events(name)

    def events(self, name):
        """What was published, without what core tells of the run itself."""
        return [event for event in self.all_events(name) if not event["type"].startswith("core.")]

    def all_events(self, name):
        with contextlib.suppress(FileNotFoundError), open(self.path(name + ".jsonl"), encoding="utf-8") as file:
            return [event for event in map(json.loads, file) if "row" in event]
        return []

    def record(self, source=DUMPS, stages="", options=""):
        return self.run("recorded", f"plugin = serial\ndevice = {os.path.abspath(source)}",
                        f"{stages}[format capture]\npath = recorded.mfc\n{options}")

    def replay(self, name="recorded.mfc", stages="", **more):
        return self.run("replayed", f"plugin = replay\npath = {self.path(name)}", stages, **more)

    def bytes(self):
        with open(self.path("recorded.mfc"), "rb") as file:
            return bytearray(file.read())

    def write(self, name, contents):
        with open(self.path(name), "wb") as file:
            file.write(contents)


@contextlib.contextmanager
def bench():
    with tempfile.TemporaryDirectory(prefix="memflow-replay-") as folder:
        yield Bench(folder)


def record_long(on):
    """Many dumps in one stream, so that the capture has several blocks."""
    with open(DUMPS, "rb") as dumps, open(FAULT, "rb") as fault, open(on.path("long.txt"), "wb") as long:
        long.write((dumps.read() + fault.read()) * 40)
    return on.record(on.path("long.txt"))


def blocks_of(contents):
    """Offset and length of each block."""
    at, blocks = FILE_HEADER, []
    while at < len(contents):
        length = BLOCK_HEADER + struct.unpack_from("<I", contents, at + STORED_AT)[0]
        blocks.append((at, length))
        at += length
    return blocks


def counts(events):
    return collections.Counter(event["type"] for event in events)


def without_damage(events):
    """Nor the mark that something before them was lost."""
    return [{key: event[key] for key in event if key != "incomplete"} for event in events
            if event["type"] != "input.damage"]


def is_in_order(some, all_of_them):
    rest = iter(all_of_them)
    return all(any(event == other for other in rest) for event in some)


def test_same_events_and_conclusions():
    for source in DUMPS, FAULT:
        with bench() as on:
            recorded = on.record(source, ANALYZERS)
            replayed = on.replay(stages=ANALYZERS)
            check(len(recorded) > 20, f"only {len(recorded)} events")
            check_equal(counts(replayed), counts(recorded), f"events of {source}")
            check(replayed == recorded, f"{source}: the replayed events differ from the recorded ones")


def test_capture_is_private_and_captures_again():
    with bench() as on:
        recorded = on.record()
        check_equal(oct(os.stat(on.path("recorded.mfc")).st_mode & 0o777), "0o600", "mode of the capture")
        on.replay(stages="[format capture]\npath = again.mfc\n")
        check(on.replay("again.mfc") == recorded, "the capture of a replay holds other events")


def test_options():
    with bench() as on:
        recorded = on.record(stages=ANALYZERS, options="compression = 0\nderived = yes\n")
        check_equal(counts(on.replay()), counts(recorded), "events with derived = yes")
        size = len(on.bytes())
        on.record(options="compression = 9\ntypes = heap.s*\n")
        check_equal(set(counts(on.replay())), {"heap.stats", "heap.snapshot"}, "types = heap.s*")
        check(len(on.bytes()) * 4 < size, "compression does not make it smaller")


def test_as_input_of_any_configuration():
    with bench() as on:
        recorded = on.record()
        shutil.copy(on.path("recorded.mfc"), on.path("capture"))
        replayed = on.run("other", "plugin = serial\ndevice = /dev/null", arguments=[on.path("capture")])
        check(replayed == recorded, "a capture on the command line gives other events")


def test_truncation():
    with bench() as on:
        recorded = record_long(on)
        whole = on.bytes()
        check(len(blocks_of(whole)) >= 4, "the capture has too few blocks to be cut between them")
        ends = [at + length for at, length in blocks_of(whole)]
        for cut in [ends[0], ends[0] + 5, ends[1] - 1, ends[1] + 40, len(whole) - 1]:
            on.write("cut.mfc", whole[:cut])
            replayed = without_damage(on.replay("cut.mfc"))
            check(0 < len(replayed) <= len(recorded), f"{len(replayed)} events")
            check(replayed == recorded[:len(replayed)], f"cut at {cut}: not the first events")
            check("the capture stops before its totals" in on.said, f"cut at {cut}: {on.said}")


def test_capture_of_one_block_is_cut():
    with bench() as on:
        with open("configs/stm32.ini", encoding="utf-8") as file:
            analyzers = file.read().partition("[analyzer")[2].partition("[format")[0]
        recorded = [event for event in on.record(RECORDING, f"[analyzer{analyzers}") if event["stage"] == "board"]
        whole = on.bytes()
        check_equal(len(blocks_of(whole)), 1, "blocks of a short run")
        on.write("cut.mfc", whole[:len(whole) // 2])
        replayed = without_damage(on.replay("cut.mfc"))
        check(replayed == without_damage(recorded)[:len(replayed)], "not the first events")
        dumped = [event["row"]["snapshot"] for event in replayed if event["type"] == "heap.block"]
        check(len(dumped) > 100, f"only {len(dumped)} heap blocks of the first dump")
        check_equal(set(dumped), {1}, "dumps that heap blocks are of")
        check(f"bytes {FILE_HEADER} to {len(whole) // 2 - 1}: a block is cut off; its first records are used" in on.said,
              on.said)
        check("the capture stops before its totals" in on.said, on.said)


def test_damage_in_the_middle():
    with bench() as on:
        recorded = record_long(on)
        damaged = on.bytes()
        at, length = blocks_of(damaged)[1]
        damaged[at + length // 2] ^= 0x10
        on.write("damaged.mfc", damaged)
        replayed = on.replay("damaged.mfc")
        check(is_in_order(without_damage(replayed), recorded), "events that were not recorded")
        reason = next(event["row"]["reason"] for event in replayed if event["type"] == "input.damage")
        check_equal(reason, f"bytes {at} to {at + length - 1}: the checksum of a block does not match its bytes; "
                    "its first records are used", "what is told of the damage")
        lost = collections.Counter()
        for event in on.all_events("replayed"):
            if event["type"] == "core.lost":
                lost[event["row"]["type"]] += int(event["row"]["count"])
        check(sum(lost.values()) > 0, "no loss was told")
        check_equal(counts(without_damage(replayed)) + lost, counts(recorded), "events and losses together")
        on.replay("damaged.mfc", arguments=["--fail-on-loss"], status=4)


def test_types_of_strangers():
    with bench() as on:
        shutil.copy("tests/data/wire/example.mfc", on.path("example.mfc"))
        rows = [(event["type"], event["row"]) for event in on.replay("example.mfc")]
        check_equal(rows, [("demo.block", {"size": 4096, "name": "main", "used": True, "a": 0, "b": 0}),
                           ("demo.block", {"size": 64, "name": None, "used": False, "a": 0, "b": 0})], "rows")


def test_captures_of_format_1_0():
    with bench() as on:
        for name in "version-1.0.mfc", "version-1.0-zstd.mfc":
            shutil.copy(f"tests/data/wire/{name}", on.path(name))
            events = on.replay(name)
            check_equal(counts(events), {"alloc.event": 14, "device.fault": 2}, name)
            check_equal(events[4]["row"]["message"], "memory allocation failed, allocating 3 bytes", name)
            check_equal([event["row"]["count"] for event in on.all_events("replayed") if event["type"] == "core.lost"],
                        [12], "recorded losses")


def test_nothing_usable():
    header = b"\x89MFC\r\n\x1a\n" + struct.pack("<HH16x", 2, 1)
    newer = header + struct.pack("<I", crc32c(header))
    for contents, words in [(b"", "is empty"), (b"hello" * 50, "is not a capture"),
                            (newer, "is in capture format 2.1, but this version reads only 1.x")]:
        with bench() as on:
            on.write("bad.mfc", contents)
            on.replay("bad.mfc", status=1)
            check(words in on.said, on.said)
    with bench() as on:
        on.replay("missing.mfc", status=2)
        check("missing.mfc" in on.said, on.said)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


run_tests([test_same_events_and_conclusions, test_capture_is_private_and_captures_again, test_options,
           test_as_input_of_any_configuration, test_truncation, test_capture_of_one_block_is_cut,
           test_damage_in_the_middle, test_types_of_strangers, test_captures_of_format_1_0, test_nothing_usable])
