# SPDX-License-Identifier: Apache-2.0
"""Each module of tests/data/mpy as MicroPython's own tool described it: functions, names, constants, instructions, lines."""
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

from pyc_compare import Different, dump, equal

CORPUS = Path("tests/data/mpy")
FLOAT, COMPLEX, TUPLE = 8, 9, 10


def constant(read):
    """Numbers stand in the file as text."""
    kind, *rest = read
    if kind == FLOAT:
        return [kind, float(bytes.fromhex(rest[0]))]
    if kind == COMPLEX:
        value = complex(bytes.fromhex(rest[0]).decode())
        return [kind, [value.real, value.imag]]
    return [kind, *map(constant, rest)] if kind == TUPLE else read


def compare_instructions(read, said):
    equal(len(read), len(said), "instructions")
    for entry, (at, number, name, argument, qstr, extra, size, line) in zip(read, said):
        equal(entry[:3] + entry[5:], [at, number, name, qstr, extra, size, line, 0], f"instruction at {at}")
        if argument is not None:
            equal(entry[4], argument, f"argument at {at}")


def compare_code(read, said, module):
    for key in ("kind", "parent", "function_n", "prelude", "cells", "name", "arguments"):
        equal(read[key], said.get(key, read[key]), key)
    equal([constant(one) for one in read["objects"]], said.get("objects", module.get("objects")), "constants")
    compare_instructions(read["ins"], said.get("ins", []))


def compare(read, truth):
    equal((read.get("error"), read.get("trailing")), (None, 0), "reading")
    equal(len(read["codes"]), len(truth["codes"]), "functions")
    equal(read["codes"][0]["file"], truth["file"], "file")
    for number, (code, said) in enumerate(zip(read["codes"], truth["codes"])):
        try:
            compare_code(code, said, truth)
        except Different as different:
            raise Different(f"function {number}: {different}") from None


def check_version(archive, folder):
    archive.extractall(folder)
    paths = sorted(Path(folder).glob("*.mpy"))
    wrong = 0
    for path, read in zip(paths, dump(os.environ["MPY_DUMP"], paths), strict=True):
        try:
            compare(read, json.loads(path.with_suffix(".json").read_text()))
        except Different as different:
            wrong += 1
            print(f"{archive.filename}: {path.name}: {different}")
    return len(paths), wrong


def main():
    total = wrong = 0
    for path in sorted(CORPUS.glob("[0-9].zip")):
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            n, bad = check_version(archive, folder)
            total, wrong = total + n, wrong + bad
    print(f"# measured modules-read {total} modules >= 25")
    print(f"# measured modules-that-differ {wrong} modules == 0")
    return wrong > 0 or total < 25


if __name__ == "__main__":
    sys.exit(main())
