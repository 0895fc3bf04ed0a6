# SPDX-License-Identifier: Apache-2.0
"""Each module of tests/data/pyc as its interpreter described it: names, flags, constants, instructions, lines."""
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

from pyc_compare import Different, compare, dump

CORPUS = Path("tests/data/pyc")


def truths(archive):
    return {name[:-5]: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def check_version(archive, folder):
    archive.extractall(folder)
    modules = truths(archive)
    paths = [Path(folder, f"{name}.pyc") for name in modules]
    wrong = 0
    for path, read in zip(paths, dump(os.environ["PYC_DUMP"], paths), strict=True):
        try:
            compare(read, modules[path.stem])
        except Different as different:
            wrong += 1
            print(f"{archive.filename}: {path.name}: {different}")
    return len(paths), wrong


def main():
    total = wrong = 0
    for path in sorted(CORPUS.glob("3.*.zip")):
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            n, bad = check_version(archive, folder)
            total, wrong = total + n, wrong + bad
    print(f"# measured modules-read {total} modules >= 100")
    print(f"# measured modules-that-differ {wrong} modules == 0")
    return wrong > 0 or total < 100


if __name__ == "__main__":
    sys.exit(main())
