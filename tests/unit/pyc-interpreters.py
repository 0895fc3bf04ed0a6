# SPDX-License-Identifier: Apache-2.0
"""The standard library of each CPython that is here, compared with its own marshal and dis."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from pyc_compare import Different, compare, dump  # noqa: E402
from pythons import debian, debian_root, of_pyenv  # noqa: E402

AT_ONCE = 200  # files whose documents are in memory
LEAST = 500    # modules of a standard library


def differences(paths):
    for path, read in zip(paths, dump(os.environ["PYC_DUMP"], paths), strict=True):
        truth = json.loads(path.with_suffix(".json").read_text())
        try:
            compare(read, truth)
        except Different as different:
            yield f"{truth['source']}: {different}"


def compare_folder(folder):
    paths = sorted(Path(folder).glob("*.pyc"), key=lambda path: int(path.stem))
    wrong = 0
    for start in range(0, len(paths), AT_ONCE):
        for difference in differences(paths[start:start + AT_ONCE]):
            wrong += 1
            print(difference)
    return len(paths), wrong


def ask(python, *words):
    said = subprocess.run([*python.command, "-W", "ignore", *words], env={**os.environ, **python.environment},
                          capture_output=True, text=True, check=True)
    return said.stdout.strip()


def check_interpreter(python):
    library = ask(python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))")
    with tempfile.TemporaryDirectory() as folder:
        ask(python, "tests/unit/pyc_truth.py", folder, library)
        total, wrong = compare_folder(folder)
    print(f"# {python.name}")
    print(f"# measured modules-of-3.{python.minor} {total} modules >= {LEAST}")
    print(f"# measured differ-of-3.{python.minor} {wrong} modules == 0", flush=True)
    return wrong == 0 and total >= LEAST


def main():
    newest = debian_root("sid", "amd64")
    here = [debian(), *of_pyenv()] + ([] if isinstance(newest, str) else [newest])
    if isinstance(newest, str):
        print(f"# without 3.14: {newest}")
    return not all([check_interpreter(python) for python in here])


if __name__ == "__main__":
    sys.exit(main())
