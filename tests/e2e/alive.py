# SPDX-License-Identifier: Apache-2.0
"""Why objects of a running process are alive: every way of tests/programs/kept-objects.py, of each interpreter that is here."""
import time
import unittest

from attached import WAYS, AttachTest
from pythons import debian, of_pyenv

# 60 objects among a million others that are freed again: arenas that one object keeps.
PINNED = """
class Pin: pass
filler, pins = [], []
for i in range(60):
    filler.extend(bytes(40) for k in range(20000))
    pins.append(Pin())
    pins[-1].note = "note %d" % i
del filler
print(flush=True)
input()
"""


class Alive(AttachTest):
    def test_ways(self):
        for python in [debian(), *of_pyenv()]:
            with self.subTest(python.name):
                process = self.keep_objects(*python.command)
                self.check_ways(process)
                process.kill()

    def test_address_and_limits(self):
        process = self.keep_objects("/usr/bin/python3")
        self.ask_why(process, hex(self.shared))
        self.assertEqual([(row["type"], row["way"], row["count"]) for row in self.chains], [("Session", "deep().shared[1]", 1)])
        run = self.ask_why(process, "Session", options=["chains=2"])
        self.assertEqual([row["way"] for row in self.chains], ["__main__.CACHE['k0']", "__main__.ITEMS[0]", ""])
        self.assertIn("2 of 8 ways to 'Session' are told", run.stderr)
        run = self.ask_why(process, "NoSuchType")
        self.assertEqual(self.chains, [])
        self.assertIn("there is no object 'NoSuchType'", run.stderr)

    def test_arenas(self):
        process = self.target("/usr/bin/python3", "-c", PINNED)
        process.stdout.readline()
        time.sleep(0.1)
        self.ask_why(process, "arenas", options=["chains=1000"])
        pins, = (row for row in self.chains if row["type"] == "Pin")
        self.assertEqual((pins["way"], pins["state"]), ("__main__.pins[0]", "holds"))
        self.assertGreater(pins["count"], 20)  # others may be in an arena that something else fills

    def test_cycle(self):
        process = self.keep_objects("/usr/bin/python3")
        self.ask_why(process, hex(self.cycle))
        self.assertEqual([(row["state"], row["count"]) for row in self.chains], [("no-way", 1)])


if __name__ == "__main__":
    unittest.main()
