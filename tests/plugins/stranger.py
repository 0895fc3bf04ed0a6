#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stranger's event types in every format, by schema alone: stranger.py MEMFLOW MODULES"""
import csv
import json
import os
import subprocess
import sys
import tempfile

CONFIGURATION = """\
[pipeline]
name = guest
output = out

[collector odd]
plugin = stranger

[format text]
path = report.txt
width = 80

[format json]

[format lines]
plugin = json
mode = lines

[format csv]
"""


def check_equal(actual, expected, what):
    if actual != expected:
        sys.exit(f"{what}: {actual!r}, expected {expected!r}")


def run(memflow, modules, folder):
    with open(os.path.join(folder, "guest.ini"), "w", encoding="utf-8") as file:
        file.write(CONFIGURATION)
    subprocess.run([memflow, "run", "--deterministic", "guest.ini"], cwd=folder, check=True,
                   env={**os.environ, "MEMFLOW_PLUGIN_PATH": modules})
    return os.path.join(folder, "out")


def check_csv(out):
    with open(os.path.join(out, "guest-stranger.guest@7.csv"), newline="", encoding="utf-8") as file:
        header, known, unknown = csv.reader(file, strict=True)
    check_equal(header, ["input", "stage", "epoch", "row.stage", "type", "share (%)", "where", "stack", "traits",
                         "note"], "CSV header")
    check_equal(known[1:], ["odd", "0", "lounge", "tall", "12.5", "0x20000400",
                            "invite (party.py:12) < main (main.py:7)", "quiet|large", "'=1+1, \\x1b[31m \\xff"],
                "CSV row")
    check_equal(unknown[3:], ["", "", "", "", "", "0", ""], "CSV row of unknown values")


def check_row(event):
    check_equal((event["type"], event["major"], event["stage"]), ("stranger.guest", 7, "odd"), "JSON event")
    check_equal(event["row"], {
        "stage": "lounge", "type": "tall", "share": 12.5, "where": "0x20000400",
        "stack": [{"function": "invite", "file": "party.py", "line": 12},
                  {"function": "main", "file": "main.py", "line": 7}],
        "traits": ["quiet", "large"], "note": "=1+1, \x1b[31m \ufffd"}, "JSON row")


def check_json(out):
    path = os.path.join(out, "guest.json")
    subprocess.run([sys.executable, "-B", "tests/unit/validate-report.py", path], check=True)
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    guests = [event for event in document["events"] if event["type"] == "stranger.guest"]
    check_row(guests[0])
    check_equal(document["outcome"]["complete"], True, "outcome")
    check_equal(document["schemas"]["stranger.slab@1"]["view"], "map", "schema")
    with open(os.path.join(out, "guest.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    check_row([event for event in lines if event["type"] == "stranger.guest"][0])
    own = [event for event in lines if not event["type"].startswith("core.")]
    check_equal(own, [event for event in document["events"] if not event["type"].startswith("core.")],
                "events of the lines and of the document")


REPORT = [
    "Slabs of two pools   (stranger.slab, scan 2)",
    "dma, 1 cell = 32 B: # full, 1-9 tenths used, . free, _ largest free",
    "000000 ###_",
    "tcm, 1 cell = 4,096 B: # full, 1-9 tenths used, . free, _ largest free",
    "Guests in the heap   (stranger.guest)",
    "How high it stands   (stranger.tide)",
    "level (B)      0   299       0    9,999",
]


def check_text(out):
    with open(os.path.join(out, "report.txt"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line in REPORT:
        if line not in lines:
            sys.exit("no line " + repr(line) + " in the report:\n" + "\n".join(lines))
    check_equal([line for line in lines if len(line) > 80], [], "lines wider than 80 columns")


def main(memflow, modules):
    with tempfile.TemporaryDirectory(prefix="memflow-stranger-") as folder:
        out = run(memflow, modules, folder)
        check_csv(out)
        check_json(out)
        check_text(out)


main(sys.argv[1], sys.argv[2])
