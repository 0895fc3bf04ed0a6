# SPDX-License-Identifier: Apache-2.0
"""Why objects of a running process are alive: every way of tests/programs/kept-objects.py, of each interpreter that is here."""
import json
import time
import unittest
from pathlib import Path

from attached import AttachTest
from pythons import debian, of_pyenv

PROGRAM = Path(__file__).parents[1] / "programs/kept-objects.py"
WAYS = {"__main__.CACHE['k0']": 50, "__main__.ITEMS[0]": 5, "__main__.CACHE['k0'].peer": 1, "__main__.Holder.table[7][1][0]": 1,
        "__main__.SLOT.two": 1, "__main__.SET.<member>": 1, "deep().shared[1]": 1, "deep().nested['a'][0]['b']": 1, "": 1}
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
    def start_program(self, python):
        process = self.target(python, str(PROGRAM))
        self.cycle, self.shared = map(int, process.stdout.readline().split())
        # the line is read in the program when its frame waits: a moment later all its threads do
        time.sleep(0.1)
        return process

    def ask(self, process, *alive, options=()):
        sets = [word for option in (f"alive={', '.join(alive)}", *options) for word in ("--set", f"target.{option}")]
        run = self.memflow("run", "configs/attach-alive.ini", "--for", "200ms", "--set", f"target.pid={process.pid}", *sets)
        self.assert_run(run, 0)
        document = json.loads((self.folder / "reports/attach-alive.json").read_text())
        rows = (event["row"] for event in document["events"] if event["type"] == "object.chain")
        self.chains = [row | {"way": row["way"] or ""} for row in rows]
        return run

    def test_ways(self):
        for python in [debian(), *of_pyenv()]:
            with self.subTest(python.name):
                process = self.start_program(*python.command)
                self.ask(process, "Session")
                self.assertEqual({row["way"]: row["count"] for row in self.chains}, WAYS)
                self.assertEqual({row["way"]: row["state"] for row in self.chains},
                                 {way: "holds" if way else "no-way" for way in WAYS})
                process.kill()

    def test_address_and_limits(self):
        process = self.start_program("/usr/bin/python3")
        self.ask(process, hex(self.shared))
        self.assertEqual([(row["type"], row["way"], row["count"]) for row in self.chains], [("Session", "deep().shared[1]", 1)])
        run = self.ask(process, "Session", options=["chains=2"])
        self.assertEqual([row["way"] for row in self.chains], ["__main__.CACHE['k0']", "__main__.ITEMS[0]", ""])
        self.assertIn("2 of 8 ways to 'Session' are told", run.stderr)
        run = self.ask(process, "NoSuchType")
        self.assertEqual(self.chains, [])
        self.assertIn("there is no object 'NoSuchType'", run.stderr)

    def test_arenas(self):
        process = self.target("/usr/bin/python3", "-c", PINNED)
        process.stdout.readline()
        time.sleep(0.1)
        self.ask(process, "arenas", options=["chains=1000"])
        pins, = (row for row in self.chains if row["type"] == "Pin")
        self.assertEqual((pins["way"], pins["state"]), ("__main__.pins[0]", "holds"))
        self.assertGreater(pins["count"], 20)  # others may be in an arena that something else fills

    def test_cycle(self):
        process = self.start_program("/usr/bin/python3")
        self.ask(process, hex(self.cycle))
        self.assertEqual([(row["state"], row["count"]) for row in self.chains], [("no-way", 1)])


if __name__ == "__main__":
    unittest.main()
