# SPDX-License-Identifier: Apache-2.0
"""Native frames: of a program whose functions are known, above Python functions, named later from a capture."""
import json
import os
import shutil
import unittest

from hooks_run import HooksTest, event_of
from pythons import PYTHON

CALLS = os.environ["NATIVE_CALLS"]
DEEP = ["inner_function", *["outer_function"] * 21, "main"]
COMPRESS = """
import zlib
def work():
    return zlib.compress(bytes(100000), 9)
for i in range(20):
    work()
"""
REPLAY = """[pipeline]
name = replay
output = out
[collector capture]
plugin = replay
path = x.mfc
[format events]
plugin = json
mode = lines
path = events.jsonl
"""


class Native(HooksTest):
    def check_calls(self, events):
        deep, = [event for event in events if event.size == 4242 and event.op == "alloc"]
        self.assertEqual(deep.functions[:len(DEEP)], DEEP)
        self.assertEqual({frame["file"].rsplit("/", 1)[-1] for frame in deep.frames[:len(DEEP)]}, {"native-calls.c"})
        self.assertEqual(deep.frames[0]["line"], 10)
        sorted_ones = [event.functions for event in events if event.size == 2424 and event.op == "alloc"]
        self.assertTrue(sorted_ones)
        for functions in sorted_ones:
            self.assertEqual(functions[:2], ["inner_function", "by_nothing"])
            self.assertIn("main", functions[3:])

    def test_a_program_without_python(self):
        self.record(CALLS, options=["malloc=yes", "native=yes"], status=20)
        self.check_calls(self.events)

    def test_names_come_later(self):
        self.assert_run(self.memflow("record", "--malloc", "yes", "--native", "yes", "-o", "x.mfc", "--", CALLS), 20)
        (self.folder / "replay.ini").write_text(REPLAY)
        for sysroot, check in (("", True), ("empty", False), ("copy", True)):
            root = self.folder / sysroot if sysroot else None
            if sysroot == "empty":
                root.mkdir()
            if sysroot == "copy":
                (root / CALLS[1:]).parent.mkdir(parents=True)
                shutil.copy(CALLS, root / CALLS[1:])
            sets = ["--set", f"capture.sysroot={root}"] if root else []
            self.assert_run(self.memflow("run", "replay.ini", *sets))
            with open(self.folder / "out/events.jsonl", encoding="utf-8") as file:
                rows = [line["row"] for line in map(json.loads, file) if line["type"] == "alloc.event"]
            events = [event_of(row) for row in rows]
            if check:
                self.check_calls(events)
            else:
                names = {name for event in events for name in event.functions}
                self.assertTrue(any(name.startswith("native-calls+0x") for name in names), names)

    def test_above_python(self):
        self.record(PYTHON, self.script(COMPRESS), options=["native=yes"])
        blocks = [event for event in self.events if "work" in event.functions and event.op == "alloc" and event.size > 10000]
        self.assertGreaterEqual(len(blocks), 20)
        for event in blocks:
            innermost = event.functions.index("work")
            self.assertGreater(innermost, 0, "no native frame")
            self.assertEqual(event.functions[innermost:], ["work", "<module>"])
            self.assertFalse([frame for frame in event.frames[:innermost] if frame["file"].endswith(".py")])
        self.assertEqual(self.lost(), 0)

    def test_only_malloc(self):
        self.record(PYTHON, self.script(COMPRESS), options=["python=no", "malloc=yes"])
        self.assertEqual({event.domain for event in self.events}, {"malloc"})
        blocks = [event for event in self.events if event.functions[:2] == ["work", "<module>"] and event.op == "alloc"]
        self.assertGreaterEqual(len([event for event in blocks if event.size > 100000]), 20, "the input of each call")
        self.assertEqual(self.lost(), 0)


if __name__ == "__main__":
    unittest.main()
