# SPDX-License-Identifier: Apache-2.0
"""Stacks of a program that changes them all the time: one that never was is told by its calls (tests/programs/restless.py). Of
those that are read while it runs hardly any may be such a one; of those that are read while it stands, none."""
import collections
import json
import os
import re
import subprocess
import sys
import unittest

from pythons import PYTHON, debian, of_pyenv

PROGRAM = "tests/programs/restless.py"
PAUSE_NS = 20000
UNDETECTED = 0.001  # of the stacks that are told, at most
LONG = "--long" in sys.argv


class TornStacks(unittest.TestCase):
    def setUp(self):
        told = subprocess.run([PYTHON, PROGRAM, "calls"], capture_output=True, text=True, check=True).stdout
        self.calls = json.loads(told)                        # function:line -> what it calls
        self.callers = {callee: place for place, callee in self.calls.items()}

    def can_be(self, stack):
        for caller, callee in zip(stack, stack[1:]):
            function = callee.rpartition(":")[0]
            if self.callers.get(function, caller) != caller or self.calls.get(caller, function) != function:
                return False
        return True

    def sample(self, python, looks, how):
        process = subprocess.Popen([*python, PROGRAM], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            words = [os.environ["SAMPLE_STACKS"], str(process.pid), str(looks), str(PAUSE_NS), how]
            said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
                self.assertIn(file.read().rpartition(")")[2].split()[0], ("R", "S"), "it is left running")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        self.counts = {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", said.splitlines()[-1])}
        self.assertEqual(self.counts["looks"], looks)
        stacks = collections.Counter()
        for line in said.splitlines()[:-1]:
            seen, _, frames = line.partition(" ")
            stacks[tuple(frames.split(";"))] += int(seen)
        return stacks

    def check(self, interpreter, looks, how, most):
        stacks = self.sample(interpreter.command, looks, how)
        told = sum(stacks.values())
        impossible = {stack: n for stack, n in stacks.items() if not self.can_be(stack)}
        undetected = sum(impossible.values()) / told
        figures = ", ".join(f"{self.counts[name]} {name}" for name in ("stacks", "retried", "shortened", "torn"))
        print(f"# {interpreter.name}, stop = {how}: {figures}, {sum(impossible.values())} impossible, {len(stacks)} different")
        print(f"# measured undetected {undetected:.5f} ratio <= {most}")
        self.assertLessEqual(undetected, most, impossible)
        self.assertGreater(len(stacks), min(looks / 20, 300), "the program does not change its stacks")
        self.assertLess(self.counts["torn"], 0.05 * self.counts["stacks"])

    def test_while_it_runs(self):
        for interpreter in [debian(), *(of_pyenv() if LONG else [])]:
            with self.subTest(python=interpreter.name):
                self.check(interpreter, 50000 if LONG else 3000, "never", UNDETECTED)

    def test_while_it_stands(self):
        for interpreter in [debian(), *(of_pyenv() if LONG else [])]:
            with self.subTest(python=interpreter.name):
                self.check(interpreter, 5000 if LONG else 500, "brief", 0)
                self.assertEqual(self.counts["torn"] + self.counts["shortened"] + self.counts["retried"], 0)

    def test_what_never_was_is_told(self):
        place, callee = next((place, callee) for place, callee in self.calls.items() if callee in ("a3", "b3_in_turn"))
        line = place.rpartition(":")[2]
        self.assertTrue(self.can_be([place, f"{callee}:1"]))
        self.assertFalse(self.can_be([place.replace(line, str(int(line) + 1)), f"{callee}:1"]))
        self.assertFalse(self.can_be([place, "a0_short:1"]))


if __name__ == "__main__":
    unittest.main(argv=[word for word in sys.argv if word != "--long"])
