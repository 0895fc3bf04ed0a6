# SPDX-License-Identifier: Apache-2.0
"""From a capture of allocations to the report, flame graphs and a comparison. What the program does is known: it loads
N records of 300 to 306 B (each second one is freed at the end), formats N lines of 80 B that are freed at once, and
reallocates an index of 64 + 8 i B at each hundredth record; its child frees what it never allocated, and keeps 4,096 B."""
import json
import math
import sys
import unittest

from end_to_end import SOURCE, EndToEnd

MODULE = sys.argv.pop(1)
BEFORE = SOURCE / "configs/recordings/known-program.mfc"  # 1,200 records
AFTER = SOURCE / "tests/data/alloc/records-1500.mfc"
LOAD, INDEX, FORMAT = "app.py:88 load", "index/__init__.py:17 Index.add", "text.py:9 format_line"
STYLES = """[pipeline]
name = flames
output = .
[collector capture]
plugin = replay
[format folded]
plugin = stacks
weight = {weight}
[format speedscope]
plugin = stacks
style = speedscope
weight = {weight}
"""


def records(n):
    return sum(300 + i % 7 for i in range(n))


def index_sizes(n):
    return [64] + [64 + i * 8 for i in range(99, n, 100)]


class Hotspots(EndToEnd):
    def report(self):
        return self.assert_run(self.memflow("run", "configs/hotspots.ini", "--deterministic"))

    def rows(self, name):
        return self.json_rows("reports/hotspots.json", name)

    def test_what_a_person_reads(self):
        said = self.report().stdout
        self.assert_golden("hotspots.txt", said)
        self.assertEqual([line for line in said.splitlines() if len(line) > 80], [])

    def test_what_is_printed_while_it_runs(self):
        run = self.assert_run(self.memflow("run", "configs/hotspots.ini", "--deterministic", "--set", "hotspots.every=300ms",
                                           "--set", "report.live=hotspots.n*"))
        lines = run.stdout.splitlines()
        self.assertEqual(lines[0], "0.512 s  live 206.2 KiB  peak 206.2 KiB  per second 530.4 KiB  98 % app.py:88")
        self.assertEqual(lines[1], "  load, 2 % index/__init__.py:17 Index.add")
        self.assertEqual(len([line for line in lines if "per second" in line]), 2)
        self.assertEqual([(row["time"], row["live"]) for row in self.rows("hotspots.now")],
                         [(512000000, sum(300 + i % 7 for i in range(681)) + 64 + 8 * 599), (1024000000, 227206)])

    def test_every_byte_is_accounted_for(self):
        self.report()
        sites = {row["site"]: row for row in self.rows("hotspots.site") if row["of"] == "process 4242"}
        left = sum(300 + i % 7 for i in range(1, 1200, 2))
        sizes = index_sizes(1200)
        self.assertEqual(sites[LOAD]["at_peak"], records(1200))
        self.assertEqual((sites[LOAD]["live"], sites[LOAD]["calls"]), (left, 1200))
        self.assertEqual((sites[INDEX]["at_peak"], sites[INDEX]["total"]), (sizes[-1], sum(sizes)))
        self.assertEqual((sites[FORMAT]["temporaries"], sites[FORMAT]["total"]), (1200, 1200 * 80))
        self.assertEqual(sum(site["failed"] for site in sites.values()), 1)
        [child] = [row for row in self.rows("hotspots.site") if row["of"] == "process 4243" and row["at_peak"]]
        self.assertEqual(child["at_peak"], 4096)

    def test_size_classes_take_the_same_calls(self):
        self.report()
        classes = self.rows("size-class.class")
        self.assertEqual(sum(row["blocks"] for row in classes), 1200 * 2 + len(index_sizes(1200)) + 1)

    def test_flame_graphs(self):
        left, last = sum(300 + i % 7 for i in range(1, 1200, 2)), index_sizes(1200)[-1]
        weights = {"bytes-at-peak": (records(1200), last), "count": (1200, len(index_sizes(1200))),
                   "total-bytes": (records(1200), sum(index_sizes(1200))), "leaked": (left, last)}
        for weight, (loaded, indexed) in weights.items():
            (self.folder / "flames.ini").write_text(STYLES.format(weight=weight))
            self.assert_run(self.memflow("run", "flames.ini", BEFORE))
            lines = (self.folder / "flames.folded").read_text().splitlines()
            load = "process 4242;<module> (/srv/app/app.py:3);load (/srv/app/app.py:88)"
            self.assertIn(f"{load} {loaded}", lines)
            self.assertIn(f"{load};Index.add (/srv/app/index/__init__.py:17) {indexed}", lines)
            document = json.loads((self.folder / "flames.speedscope.json").read_text())
            self.assert_speedscope(document, "none" if weight == "count" else "bytes")  # the units of its schema
            self.assertEqual([sum(profile["weights"]) for profile in document["profiles"]],
                             [sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(process))
                              for process in ("process 4242", "process 4243")])

    def assert_speedscope(self, document, unit):
        """The shape of speedscope's published file format, as far as sampled profiles have it."""
        self.assertEqual(document["$schema"], "https://www.speedscope.app/file-format-schema.json")
        self.assertEqual(set(document), {"$schema", "shared", "profiles", "name", "exporter"})
        frames = document["shared"]["frames"]
        for frame in frames:
            self.assertIsInstance(frame["name"], str)
            self.assertLessEqual(set(frame), {"name", "file", "line", "col"})
        for profile in document["profiles"]:
            self.assertEqual(set(profile), {"type", "name", "unit", "startValue", "endValue", "samples", "weights"})
            self.assertEqual((profile["type"], profile["unit"]), ("sampled", unit))
            self.assertEqual(len(profile["samples"]), len(profile["weights"]))
            self.assertEqual(profile["endValue"] - profile["startValue"], sum(profile["weights"]))
            self.assertTrue(all(0 <= frame < len(frames) for sample in profile["samples"] for frame in sample))

    # ---- comparing

    def diff(self, *words, status=0):
        run = self.memflow("diff", *words)
        self.assertEqual(run.status, status, run.stderr)
        return run

    def test_diff(self):
        document = json.loads(self.diff(BEFORE, AFTER, "--json").stdout)
        load, index, form = document["sites"]
        grown = records(1500) - records(1200)
        self.assertEqual(load | {"file": ""}, {"site": LOAD, "file": "", "a": records(1200), "b": records(1500),
            "change": grown, "calls_a": 1200, "calls_b": 1500, "calls_change": 300})
        self.assertEqual((index["site"], index["change"], index["calls_change"]), (INDEX, 2400, 3))
        self.assertEqual((form["site"], form["change"], form["calls_change"]), (FORMAT, 0, 300))
        self.assertEqual(document["change"], grown + 2400)
        backwards = json.loads(self.diff(AFTER, BEFORE, "--json").stdout)
        self.assertEqual(backwards["sites"][0]["change"], -grown)

    def test_diff_for_reading(self):
        said = self.diff(BEFORE, AFTER, "--rows", "1").stdout
        self.assertIn(f"{'+' + format(records(1500) - records(1200), ',')} ", said)
        self.assertIn("2 more sites changed", said)
        self.assertIn("no call site changed", self.diff(BEFORE, BEFORE).stdout)

    def test_diff_by_another_figure(self):
        document = json.loads(self.diff(BEFORE, AFTER, "--json", "--by", "total").stdout)
        changes = [(site["site"], site["change"]) for site in document["sites"]]
        self.assertEqual(changes, [(LOAD, records(1500) - records(1200)),
            (INDEX, sum(index_sizes(1500)) - sum(index_sizes(1200))), (FORMAT, 300 * 80)])
        self.assertEqual(document["by"], "total")
        self.assertIn("--by nonsense", self.diff(BEFORE, AFTER, "--by", "nonsense", status=2).stderr)

    def record(self, options):
        (self.folder / "record.ini").write_text(
            f"[pipeline]\nname = record\noutput = .\n[collector known-program]\n{options}\n[format capture]\n")
        self.assert_run(self.memflow("run", "record.ini", "--plugin-path", MODULE))
        return self.folder / "record.mfc"

    def test_diff_says_what_is_an_estimate(self):
        sampled = self.record("records = 1200\nsampling = 1000B")
        said = self.diff(BEFORE, sampled).stdout
        self.assertIn("B is estimated from a sample, A is exact", said)
        document = json.loads(self.diff(BEFORE, sampled, "--json").stdout)
        load = next(site for site in document["sites"] if site["site"] == LOAD)
        p = [1 - math.exp(-(300 + i % 7) / 1000) for i in range(1200)]
        self.assertEqual(load["b"], sum(int((300 + i % 7) / p[i] + 0.5) for i in range(1200)))
        error = 1.959964 * math.sqrt(sum((300 + i % 7) ** 2 * (1 / p[i]) * (1 / p[i] - 1) for i in range(1200)))
        self.assertAlmostEqual(load["change_error"], error, delta=1)
        self.assertNotIn("change_error", json.loads(self.diff(BEFORE, AFTER, "--json").stdout))

    def test_diff_of_what_is_no_capture(self):
        self.assertIn("two captures", self.diff(BEFORE, status=2).stderr)
        (self.folder / "empty.mfc").write_bytes(b"")
        self.assertNotEqual(self.memflow("diff", BEFORE, "empty.mfc").status, 0)
        self.assertNotEqual(self.memflow("diff", BEFORE, "none.mfc").status, 0)

    def test_the_captures_are_what_the_module_publishes(self):
        self.assertIn("no call site changed", self.diff(BEFORE, self.record("records = 1200")).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
