# SPDX-License-Identifier: Apache-2.0
"""The shipped configuration for what is looked at before deployment: verdict, exit status, paths, bounds, what calls do."""
import json
import re
import unittest
import zipfile

from end_to_end import SOURCE as SOURCE_FOLDER, EndToEnd

PREDEPLOY = "configs/predeploy.ini"
SOURCE = """def choose(kind):
    if kind == 1:
        return [0] * 100
    if kind == 2:
        return [0] * 10
    return None


def straight():
    return bytearray(1000)


def repeat(n):
    kept = []
    for i in range(n):
        kept.append("%d of many" % i)
    return kept
"""


class Predeploy(EndToEnd):
    def rows(self, name):
        document = json.loads((self.folder / "reports/predeploy.json").read_text())
        return [event["row"] for event in document["events"] if event["type"] == name]

    def run_it(self, *sets, status=0):
        words = [word for value in sets for word in ("--set", value)]
        return self.assert_run(self.memflow("run", PREDEPLOY, *words), status)

    def test_fits(self):
        run = self.run_it()
        first = [line for line in run.stdout.splitlines() if line.strip()][1]
        self.assertRegex(first, r"^FITS +x86-64-py3\.11: heap [0-9,]+ B at most, of 65,536 B$")
        self.assertNotIn(str(self.folder), run.stdout)  # places are as short as modules
        self.assertRegex(run.stdout, r"main\.py:\d+ +makes class Logger +import")
        self.assertRegex(run.stdout, r"main\.py:\d+ +makes an instance of Logger +call")

    def test_exceeded(self):
        self.assertIn("EXCEEDED", self.run_it("budget.heap=10KiB", status=5).stdout)

    def not_judged(self, *sets, status=0):
        self.run_it(*sets, status=status)
        return {row["name"] for row in self.rows("budget.not-judged")}

    def test_bounds(self):
        self.assertIn("drain", self.not_judged("budget.strict=yes", status=5))
        self.assertEqual(self.not_judged("static-memory.bound=main.py:30 <= 32, main.py:31 <= 32") & {"drain", "make"}, {"make"})

    def test_paths(self):
        code = self.folder / "code"
        code.mkdir()
        (code / "paths.py").write_text(SOURCE)
        self.run_it("code.path=" + str(code), "budget.heap=1MiB")
        functions = {row["function"]: row for row in self.rows("static.function")}
        paths = [row for row in self.rows("static.path") if row["function"] == "choose"]
        self.assertEqual([(row["place"], row["by"], row["paths"]) for row in paths],
                         [("paths.py:1", "4, 6", 1), ("paths.py:1", "4, 5", 1), ("paths.py:1", "3", 1)])
        # [0] and its item, then the list and its items: 80 B of pymalloc; 800 B are not its own, glibc takes 816
        self.assertEqual([row["likely"] for row in paths], [0, 64 + 16 + 64 + 80, 64 + 16 + 64 + 816])
        self.assertEqual([row["least"] for row in paths], [row["most"] for row in paths])
        self.assertNotIn("straight", [row["function"] for row in self.rows("static.path")])
        self.assertEqual(functions["straight"]["paths"], 1)
        self.assertIsNone(functions["repeat"].get("most"))
        self.assertEqual(functions["repeat"]["line"], 15)
        self.assertGreater(functions["repeat"]["iteration"], 64)

    def test_micropython(self):
        with zipfile.ZipFile(SOURCE_FOLDER / "tests/data/mpy/imports.zip") as archive:
            archive.extract("p04_instances.mpy", self.folder)
        sets = ("pipeline.target=stm32f405-micropython", f"code.path={self.folder}/p04_instances.mpy")
        run = self.run_it(*sets, "budget.heap=64KiB")
        self.assertRegex(run.stdout, r"FITS +stm32f405-micropython: heap [0-9,]+ B at most")
        module = self.rows("static.module")[0]
        self.assertLess(abs(module["resident"] - 18224), 200)  # of a board with representation A; 18320 B in truth
        self.assertEqual(self.rows("static.refused"), [])
        self.assertIn("EXCEEDED", self.run_it(*sets, "budget.heap=16KiB", status=5).stdout)

    def test_all_targets(self):
        with zipfile.ZipFile(SOURCE_FOLDER / "tests/data/mpy/imports.zip") as archive:
            archive.extract("p04_instances.mpy", self.folder)
        run = self.run_it("pipeline.target=*", f"code.path={self.folder}/p04_instances.mpy")
        self.assertEqual(sorted(re.findall(r"FITS +([a-z0-9-]+):", run.stdout)),
                         [f"{board}-micropython" for board in ("esp32", "microbit", "rp2040", "stm32f405")])
        self.assertEqual(len(re.findall("nothing could be priced", run.stdout)), 1)
        self.assertRegex(" ".join(run.stdout.split()), r"not priced there are no costs on .*x86-64-py3\.11")

    def test_refused(self):
        self.memflow("run", PREDEPLOY, "--set", "pipeline.target=rp2040-micropython")
        self.assertEqual([(row["module"], row["line"]) for row in self.rows("static.refused")], [("main", 0), ("samples", 0), ("text", 0)])
        self.assertRegex(self.rows("static.refused")[0]["why"], r"^of CPython 3\.\d+: give its \.mpy")


if __name__ == "__main__":
    unittest.main()
