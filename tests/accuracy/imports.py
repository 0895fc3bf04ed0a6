# SPDX-License-Identifier: Apache-2.0
"""What the accuracy tests share: imports in fresh interpreters, and what memflow says of the same modules."""
import ast
import csv
import os
import subprocess
from pathlib import Path

MEMFLOW = os.environ.get("MEMFLOW", "build/memflow")
START = ["site"]  # what an interpreter has at start; it is not told to look for packages, which may bring more


def run(python, *words):
    said = subprocess.run([*python.command, *map(str, words)], env={**os.environ, **python.environment},
                          capture_output=True, text=True, check=True)
    return said.stdout.strip()


def truth(python, module, before=(), folder=""):
    """See import_truth.py."""
    return ast.literal_eval(run(python, "-I", "-S", "tests/accuracy/import_truth.py", folder, module, *START, *before))


CONFIGURATION = """[pipeline]
name = cost
output = out
target = here.ini

[collector code]
plugin = pyc

[analyzer cost]
plugin = static-memory
bytes = requested
top = 0

[format rows]
plugin = csv
"""
TARGET = """[target]
title = the interpreter that is asked
architecture = {architecture}
pointer = {word}
{align}python = cpython
version = {version}
allocator = glibc
"""


def version_of(python):
    return run(python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])")


def predict(python, folder, files):
    """What memflow says of compiled modules: {module: {quantity: (low, likely, high)}}, high None where nothing bounds it.
    `files` are names in the folder, which is also left with all that memflow wrote."""
    folder = Path(folder)
    narrow = python.word == 4
    (folder / "cost.ini").write_text(CONFIGURATION)
    (folder / "here.ini").write_text(TARGET.format(
        architecture="i386" if narrow else "x86_64", word=python.word, version=version_of(python),
        align="align8 = 4\n" if narrow else ""))
    said = subprocess.run([Path(MEMFLOW).resolve(), "run", "cost.ini", *files], cwd=folder, capture_output=True, text=True,
                          check=False)
    if said.returncode:
        raise RuntimeError(said.stderr)
    amounts = {}
    with open(folder / "out/cost-code.cost.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["name"] == row["module"]:
                high = int(row["high (B)"]) if row["high (B)"] else None
                amounts.setdefault(row["module"], {})[row["quantity"]] = (int(row["low (B)"]), int(row["likely (B)"]), high)
    return amounts
