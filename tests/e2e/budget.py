# SPDX-License-Identifier: Apache-2.0
"""Budgets as a gate: exit status 5, what is not judged, all targets at once, mistakes. The costs are those that the test
tells, so that every figure of the report is known."""
import os
import unittest
from pathlib import Path

from end_to_end import EndToEnd

PRICED = os.environ["MEMFLOW_PRICED"]  # folder of the module that prices what it is told to
SOURCES = {
    "app/__init__.py": "",
    "app/main.py": "import sys, json\nfrom . import net\nfrom app.store import Store\n"
                   "def f():\n    from app import late\n    import nothere\n",
    "app/net.py": "import socket\nfrom app import util\nfrom app.main import f\n",
    "app/util.py": "import collections, os\n",
    "app/store.py": "from app import util\nclass Store: pass\n",
    "app/late.py": "x = 1\n",
    "app/lonely.py": "y = 1\n",
}
COSTS = """app resident 96 96 96, app.main resident 1000 2000 3000, app.main import-peak 2000 4000 5000,
  app.net resident 10000 20000 30000, app.store resident 100 100 100, app.util resident 5000 6000 7000,
  app.late resident 300 400 500, app.lonely resident 70 80 90, app.main file 500 500 500, app.net file 400 400 400,
  app.main stack 64 64 64, app.net/send call-peak 100 500 3000"""
CONFIGURATION = """[pipeline]
name = predeploy
output = out
target = stm32f405-micropython
[collector code]
plugin = pyc
path = build
[analyzer priced]
costs = {costs}
[analyzer import-closure]
[analyzer budget]
{budget}
[format report]
plugin = text
path = -
types = report.*, verdict, import.*, budget.*, core.*
"""


class Budget(EndToEnd):
    def setUp(self):
        super().setUp()
        for name, text in SOURCES.items():
            path = self.folder / "build" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def judge(self, *sets, budget="", costs=COSTS, status=0):
        text = CONFIGURATION.format(budget=budget, costs=" ".join(costs.split()))
        (self.folder / "predeploy.ini").write_text(text)
        words = [word for value in sets for word in ("--set", value)]
        return self.assert_run(self.memflow("run", "--plugin-path", PRICED, "predeploy.ini", *words), status)

    def test_fits(self):
        run = self.judge()
        self.assert_golden("budget.txt", run.stdout)
        self.assertIn("FITS", run.stdout)

    def test_exceeded(self):
        run = self.judge("budget.heap=30KiB", "budget.limit=app.net <= 12KiB, app.* <= 1MiB", status=5)
        self.assertIn("EXCEEDED", run.stdout)
        # 1,040 before the program; 40,286 stay and 3,000 of a call, 500 of what calls load
        self.assertIn("heap 44,826 B at most, 14,106 B more than the 30,720 B", " ".join(run.stdout.split()))
        self.assertIn("app.net 30,000 B at most, 17,712 B more than the 12,288 B", " ".join(run.stdout.split()))
        self.assertIn("without app.net 20,000 B less would stay, which is enough; app.main imports it in line 2",
                      " ".join(run.stdout.split()))

    def test_likely_and_headroom(self):
        self.judge("budget.heap=33KiB", "budget.judge=likely")
        run = self.judge("budget.heap=33KiB", "budget.judge=likely", "budget.headroom=10 %", status=5)
        self.assertIn("without app.util 6,000 B less would stay, which is enough; app.net imports it in line 2, and 1 more do",
                      " ".join(run.stdout.split()))
        self.assertIn("heap 31,316 B likely, 904 B more than the 30,412 B", " ".join(run.stdout.split()))

    def test_not_judged(self):
        costs = COSTS + ", app.net/grow call-peak 100 200 -"
        run = self.judge(costs=costs)
        self.assertIn("grow of app.net: nothing bounds what it needs; strict = yes would fail the budget",
                      " ".join(run.stdout.split()))
        self.judge("budget.strict=yes", costs=costs, status=5)
        self.judge("budget.strict=yes")  # all is bounded

    def test_all_targets(self):
        run = self.judge("budget.targets=*", "priced.target=*")
        rows = {line.split()[0]: line.split()[1] for line in run.stdout.splitlines() if " kept " in line
                or " exceeded " in line or " no-limit " in line}
        self.assertEqual(rows["microbit-micropython"], "exceeded")  # shown, not judged
        self.assertEqual(rows["rp2040-micropython"], "kept")
        self.assertEqual(rows["x86-64-py3.11"], "no-limit")
        self.assertEqual(len([name for name in rows if "-" in name]), 20)
        run = self.judge("pipeline.target=*-micropython", status=5)
        self.assertIn("microbit-micropython: heap", run.stdout)

    def test_mistakes(self):
        rows = [("budget.limit=app.net 12KiB", 2, "'app.net 12KiB' is no limit"),
                ("budget.limit=app.net <= 12K", 2, "'12K' is ambiguous"),
                ("budget.headroom=none", 2, "'none' is no part of a limit: write 10 %"),
                ("pipeline.target=stm32f405-micropythn", 2, "did you mean 'stm32f405-micropython'?"),
                ("budget.limit=app.nothing <= 1B", 1, "no module of the program matches 'app.nothing'"),
                ("import-closure.entry=app.mian", 1, "there is no module 'app.mian' in what was read"),
                ("budget.target=microbit-micropython", 1, "there are no costs on microbit-micropython"),
                ("budget.target=stm32f405-micropython, microbit-micropython", 1, "there are no costs on microbit-micropython"),
                ("code.library=nowhere", 1, "nowhere is no folder")]
        for value, status, words in rows:
            with self.subTest(value):
                run = self.judge(value, status=status)
                self.assertIn(words, run.stderr)
                self.assertIn(f"--set {value}", run.stderr)

    def test_library(self):
        """Of a library only what is imported is read, and a name that leads out of it is not followed."""
        library = self.folder / "library"
        for name, text in {"json/__init__.py": "from .decoder import x\n", "json/decoder.py": "def f(): import lazy\nx = 1\n",
                           "collections.py": "", "lazy.py": "", "unused.py": ""}.items():
            (library / name).parent.mkdir(parents=True, exist_ok=True)
            (library / name).write_text(text)
        (self.folder / "build/app/util.py").write_text("import collections, os\n__import__('..secret')\n")
        run = self.judge("code.library=library", "report.types=import.module")
        modules = [line.split()[0].rstrip(",") for line in run.stdout.splitlines() if line.startswith(" ")]
        self.assertIn("json.decoder", modules)
        self.assertNotIn("lazy", modules)
        self.assertNotIn("unused", modules)


unittest.main()
