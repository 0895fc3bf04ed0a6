# SPDX-License-Identifier: Apache-2.0
"""Programs whose allocations are known to the byte, on each interpreter that is here."""
import unittest

from end_to_end import SOURCE
from hooks_run import PYTHON, HooksTest, interpreters, version_of

PROGRAM = SOURCE / "tests/data/known-truth/known_truth.py"
LIST_38 = ("32 64 128 200 280 368 464 576 704 848 1008 1184 1384 1608 1864 2152 2472 2832 3240 3696 4208 4784 5432 "
           "6168 6992 7920 8960")
LIST = ("32 64 128 192 256 320 416 512 608 736 864 1024 1184 1376 1600 1856 2144 2464 2816 3200 3648 4160 4736 5376 "
        "6080 6880 7776 8800")
DICT_38 = "296 576 1112 2208 4632 9248 18456 36896"
DICT = "160 288 568 1104 2200 4624 9240 18448 36888"
# program: (size, number of allocations, all of them are freed); the number may depend on the version
BLOCKS = {"t1": (1033, 1000, True), "t2": (4097, 500, True), "t5": (16000, 100, True), "t6": (56, 1000, False),
          "t7": (4028, 100, True), "t8": (440, 100, False), "t9": (133, 1000, True)}
DOMAINS = {"t1": "obj", "t5": "mem", "t6": "obj", "t7": "obj", "t8": "obj", "t9": "obj"}


def numbers(text):
    return [int(word) for word in text.split()]


class KnownTruth(HooksTest):
    def of(self, program):
        return [event for event in self.measured if program in event.functions]

    def frees_of(self, blocks):
        """How many of these allocations were freed: each free is the one of the latest allocation at its address."""
        wanted, live, freed = {id(event) for event in blocks}, {}, 0
        for event in self.events:
            if event.op == "free":
                freed += id(live.pop(event.address, None)) in wanted
                continue
            live.pop(event.old, None)
            live[event.address] = event
        return freed

    def check_blocks(self, program, size, count, all_freed):
        blocks = [event for event in self.of(program) if event.size == size]
        self.assertEqual([event.op for event in blocks], ["alloc"] * count, program)
        self.assertEqual({event.domain for event in blocks}, {DOMAINS.get(program, blocks[0].domain)}, program)
        if all_freed:
            self.assertEqual(self.frees_of(blocks), count, program)

    def check_list(self, minor):
        chain = [event for event in self.of("t4") if event.domain == "mem"]
        self.assertEqual([event.size for event in chain], numbers(LIST_38 if minor == 8 else LIST))
        self.assertEqual([event.op for event in chain], ["alloc"] + ["realloc"] * (len(chain) - 1))
        self.assertEqual([event.old for event in chain[1:]], [event.address for event in chain[:-1]])

    def check_domains(self):
        for domain in ("raw", "mem", "obj"):
            calls = [event for event in self.of("t10") if event.domain == domain and event.size in (777, 1777, 77, 2777)]
            self.assertEqual([(event.op, event.size) for event in calls],
                             [("alloc", 777), ("realloc", 1777), ("realloc", 77), ("alloc", 2777)], domain)
            self.assertEqual(self.frees_of(calls), 2, domain)

    def check_all(self, minor):
        for program, expected in BLOCKS.items():
            self.check_blocks(program, *expected)
        self.check_blocks("t3", 1049 if minor < 12 else 1041, 100, True)
        self.check_list(minor)
        self.check_domains()
        tables = [event.size for event in self.of("t16") if event.size >= 160]
        self.assertEqual(tables, numbers(DICT_38 if minor < 11 else DICT))
        lines = {event.frames[-1]["line"] for event in self.measured}
        self.assertEqual(lines, {len(PROGRAM.read_text().splitlines())}, "the last line calls main")

    def run_on(self, python, minor):
        self.record(python, PROGRAM)
        self.assertEqual(self.lost(), 0)
        self.assertEqual([event.sequence for event in self.events], list(range(1, len(self.events) + 1)))
        self.measured = [event for event in self.events if "measured" in event.functions]
        self.check_all(minor)

    def test_debian(self):
        self.run_on(PYTHON, version_of(PYTHON))

    def test_all_versions(self):
        here = interpreters()
        failed = []
        for minor in range(8, 15):
            paths = [path for version, path in here if version == minor]
            if minor > 13:
                print(f"# Python 3.{minor}: not run: its frames are not known to the agent")
            elif not paths:
                print(f"# Python 3.{minor}: not run: it is not installed here")
            for path in paths if minor <= 13 else ():
                try:
                    self.run_on(path, minor)
                    print(f"# Python 3.{minor}: passed: {path.rsplit('/', 3)[-3] if 'versions' in path else path}")
                except AssertionError as why:
                    failed.append(f"3.{minor}: {why}")
                    print(f"# Python 3.{minor}: FAILED")
        self.assertEqual(failed, [])


if __name__ == "__main__":
    unittest.main()
