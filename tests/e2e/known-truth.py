# SPDX-License-Identifier: Apache-2.0
"""known-truth.py [--long]: programs whose allocations are known to the byte, on each interpreter that is here.
--long: also on Debian's interpreters of other releases and machines, in folders that debootstrap makes."""
import sys
import unittest

from end_to_end import SOURCE
from hooks_run import HooksTest
from pythons import Interpreter, debian, debian_root, of_pyenv

LONG = "--long" in sys.argv[1:]
PROGRAM = SOURCE / "tests/data/known-truth/known_truth.py"
ROOTS = [("trixie", "amd64"), ("sid", "amd64", "python3.15"), ("bookworm", "i386"), ("trixie", "i386"), ("bookworm", "armhf"),
         ("trixie", "armhf"), ("bookworm", "arm64"), ("bullseye", "armhf"), ("sid", "armhf")]
LIST_38 = [4, 8, 16, 25, 35, 46, 58, 72, 88, 106, 126, 148, 173, 201, 233, 269, 309, 354, 405, 462, 526, 598, 679, 771, 874, 990,
           1120]
LIST = [4, 8, 16, 24, 32, 40, 52, 64, 76, 92, 108, 128, 148, 172, 200, 232, 268, 308, 352, 400, 456, 520, 592, 672, 760, 860, 972,
        1100]
THREADS = """
import threading
def work(n):
    for i in range(100):
        bytes(5000 + n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
DOMAINS = {"t1": "obj", "t5": "mem", "t6": "obj", "t7": "obj", "t8": "obj", "t9": "obj"}


def blocks_of(minor, word):
    """program: (size, number of allocations, all of them are freed). In words: a head of the collector 2, of an object 2, with a
    number of items 3, of a bytes 4."""
    text = (6 if minor < 12 else 5) * word  # of an ASCII str: without the wstr pointer since 3.12
    digits = 2001 * 2 if word == 4 and minor < 11 else 1001 * 4  # of 15 or of 30 bits, as sys.int_info says
    return {"t1": (4 * word + 1001, 1000, True), "t2": (4097, 500, True), "t3": (text + 1001, 100, True),
            "t5": (2000 * word, 100, True), "t6": (7 * word, 1000, False), "t7": (3 * word + digits, 100, True),
            "t8": ((55 + (minor >= 14)) * word, 100, False), "t9": (4 * word + 101, 1000, True)}


def tables_of(minor, word):
    """The key tables of a dict that grows to 1,000 entries: a header, indices of 1 or 2 bytes, two thirds as many entries."""
    head, first = (word + 8 + 2 * word, 3) if minor >= 11 else (5 * word, 4)  # 3.8 to 3.10 keep small tables for later
    return [head + n * (1 if n < 256 else 2) + n * 2 // 3 * 3 * word for n in (1 << i for i in range(first, 12))]


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

    def check_list(self, minor, word):
        chain = [event for event in self.of("t4") if event.domain == "mem"]
        self.assertEqual([event.size for event in chain], [n * word for n in (LIST_38 if minor == 8 else LIST)])
        self.assertEqual([event.op for event in chain], ["alloc"] + ["realloc"] * (len(chain) - 1))
        self.assertEqual([event.old for event in chain[1:]], [event.address for event in chain[:-1]])

    def check_domains(self):
        for domain in ("raw", "mem", "obj"):
            calls = [event for event in self.of("t10") if event.domain == domain and event.size in (777, 1777, 77, 2777)]
            self.assertEqual([(event.op, event.size) for event in calls],
                             [("alloc", 777), ("realloc", 1777), ("realloc", 77), ("alloc", 2777)], domain)
            self.assertEqual(self.frees_of(calls), 2, domain)

    def check_all(self, minor, word):
        for program, expected in blocks_of(minor, word).items():
            self.check_blocks(program, *expected)
        self.check_list(minor, word)
        self.check_domains()
        expected = tables_of(minor, word)
        tables = [event.size for event in self.of("t16") if event.size >= expected[0]]
        self.assertEqual(tables, expected)
        lines = {event.frames[-1]["line"] for event in self.measured}
        self.assertEqual(lines, {len(PROGRAM.read_text().splitlines())}, "the last line calls main")

    def run_on(self, interpreter):
        self.record_on(interpreter, PROGRAM)
        self.assertEqual(self.lost(), 0)
        self.assertEqual([event.sequence for event in self.events], list(range(1, len(self.events) + 1)))
        self.measured = [event for event in self.events if "measured" in event.functions]
        self.check_all(interpreter.minor, interpreter.word)

    def result_on(self, interpreter):
        try:
            self.run_on(interpreter)
        except AssertionError as why:
            return f"FAILED: {str(why)[:200]}"
        return "passed"

    def print_table(self, here, missing):
        """Prints a line for each interpreter and for each version without one; returns those that failed."""
        rows = [(f"3.{one.minor}", one.name, self.result_on(one)) for one in here]
        rows += [("", f"Debian {root[0]}, {root[1]}", f"not run: {why}") for root, why in missing.items()]
        rows += [(f"3.{minor}", "", "not run: it is not installed here") for minor in range(8, 15)
                 if minor not in {one.minor for one in here}]
        for version, name, result in sorted(rows, key=lambda row: (int(row[0][2:] or 99), row[1])):
            print(f"# Python {version:5} {name:24} {result.splitlines()[0]}")
        return [row for row in rows if row[2].startswith("FAILED")]

    def test_all_versions(self):
        roots = {root: debian_root(*root) for root in ROOTS} if LONG else {}
        here = [debian(), *of_pyenv()] + [one for one in roots.values() if isinstance(one, Interpreter)]
        missing = {root: why for root, why in roots.items() if not isinstance(why, Interpreter)}
        self.assertEqual(self.print_table(here, missing), [])

    @unittest.skipIf(LONG, "in the default run")
    def test_allocators_that_python_sets_itself(self):
        for setting in ({"PYTHONMALLOC": "malloc_debug"}, {"PYTHONDEVMODE": "1"}):
            with self.subTest(setting=setting):
                self.run_on(debian()._replace(environment=setting))

    @unittest.skipUnless(LONG, "needs a 32-bit Python")
    def test_32_bits(self):
        i386 = debian_root("bookworm", "i386")
        if not isinstance(i386, Interpreter):
            self.skipTest(i386)
        self.check_tracemalloc(i386)
        self.record_on(i386, self.script(THREADS), options=["ring=16KiB"])
        self.assertEqual([len([e for e in self.events if e.size == 5017 + n and e.functions[:1] == ["work"]]) for n in range(100)],
                         [100] * 100)
        self.assertEqual(self.lost(), 0)
        command, fixed = self.script("for i in range(100000): bytes(1000)"), {"PYTHONHASHSEED": "0"}
        self.record_on(i386, command, environment=fixed)
        calls = len(self.events)
        self.record_on(i386, command, options=["full-ring=drop", "ring=16KiB"], environment=fixed)
        self.assertGreater(self.lost(), 0)
        self.assertEqual(len(self.events) + self.lost(), calls)

    @unittest.skipUnless(LONG, "needs a Python that is newer than its layouts")
    def test_a_version_that_is_not_known(self):
        sid = debian_root(*ROOTS[1])
        if not isinstance(sid, Interpreter):
            self.skipTest(sid)
        unknown = sid._replace(command=(*sid.command[:-1], sid.command[-1].replace("3.14", "3.15")))
        run = self.record_on(unknown, PROGRAM, "T1")
        self.assertIn("no Python stacks of Python 3.15: its version is not one whose frames are known", run.stderr)
        self.assertEqual({tuple(event.functions) for event in self.events}, {()})
        self.assertEqual(len([event for event in self.events if event.op == "alloc" and event.size == 1033]), 2000)
        run = self.record_on(unknown, PROGRAM, "T1", options=["stacks=force"])
        blocks = [event.functions for event in self.events if event.op == "alloc" and event.size == 1033]
        walked = ["t1", "measured", "main", "<module>"]
        self.assertTrue(blocks[-1] == walked or "its frames do not lie where" in run.stderr, run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
