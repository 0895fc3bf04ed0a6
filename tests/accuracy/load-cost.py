# SPDX-License-Identifier: Apache-2.0
"""What loading compiled modules takes, against tracemalloc around marshal.loads in the interpreter of their version.
load-cost.py corpus: the modules of tests/data/pyc of Debian's Python. load-cost.py libraries: those of every CPython that is
here, and all modules of their standard libraries. Interned strings stand apart, as they are new only once in a process."""
import ast
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from pythons import debian, debian_root, of_pyenv  # noqa: E402

CORPUS = Path("tests/data/pyc")
COMPILE_ALL = "import sys; sys.path.insert(0, 'tests/unit'); import pyc_truth; list(pyc_truth.compile_all(*sys.argv[1:]))"
MOST_OFF = 1.0  # per cent
AT_ONCE = 200   # files of a command line


def ask(python, *words):
    said = subprocess.run([*python.command, "-W", "ignore", *words], env={**os.environ, **python.environment},
                          capture_output=True, text=True, check=True)
    return said.stdout


def truths(python, paths):
    for start in range(0, len(paths), AT_ONCE):
        said = ask(python, "-B", "-S", "tests/accuracy/load_truth.py", *map(str, paths[start:start + AT_ONCE]))
        yield from map(ast.literal_eval, said.splitlines())


def prices(python, micro, paths):
    asked = "".join(f"{python.word} {micro} {path}\n" for path in paths)
    said = subprocess.run([os.environ["LOAD_PRICE"]], input=asked, capture_output=True, text=True, check=True).stdout
    return [tuple(map(int, line.split())) for line in said.splitlines()]


def percent(said, truth):
    return 100 * abs(said - truth) / truth


def compare(python, paths):
    """How many are exact; in per cent the largest error of loading alone, and the error of the interned strings of all: the process
    that tells the truth has a few of them itself."""
    micro = int(ask(python, "-c", "import sys; print(sys.version_info.micro)"))
    exact, worst, said_names, true_names = 0, 0.0, 0, 0
    for path, truth, price in zip(paths, truths(python, paths), prices(python, micro, paths), strict=True):
        alone, names, n_names, unknown = price
        off = percent(alone, truth["alone"])
        exact += off == 0
        worst = max(worst, off)
        said_names, true_names = said_names + names, true_names + truth["names"]
        if off or names != truth["names"] or unknown:
            print(f"# {python.name}: {path}: {alone} bytes of {truth['alone']}, {n_names} names of {names} bytes, "
                  f"in truth {truth['n_names']} of {truth['names']}; {unknown} objects are unknown")
    return exact, worst, percent(said_names, true_names)


def report(python, kind, paths):
    exact, worst, of_names = compare(python, paths)
    name = f"{kind}-{re.sub('[^A-Za-z0-9.]+', '-', python.name)}"
    print(f"# measured {name}-modules {len(paths)} modules >= 1")
    print(f"# measured {name}-exact {exact} modules >= 0")
    print(f"# measured {name}-worst {worst:.3f} % <= {MOST_OFF}")
    print(f"# measured {name}-names {of_names:.3f} % <= {MOST_OFF}", flush=True)
    return worst <= MOST_OFF and of_names <= MOST_OFF


def check_corpus(python, folder):
    with zipfile.ZipFile(CORPUS / f"3.{python.minor}.zip") as archive:
        archive.extractall(folder)
    return report(python, "corpus", sorted(Path(folder).glob("*.pyc")))


def check_library(python, folder):
    library = ask(python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))").strip()
    ask(python, "-c", COMPILE_ALL, folder, library)
    return report(python, "library", sorted(Path(folder).glob("*.pyc"), key=lambda path: int(path.stem)))


def runnable(python):
    """The interpreter, by an emulator where the kernel has no programs of 32 bits; None if it does not run at all."""
    for emulator in ((), ("qemu-i386",)):
        trial = python._replace(command=emulator + python.command)
        try:
            ask(trial, "-c", "pass")
            return trial
        except (OSError, subprocess.CalledProcessError):
            pass
    return None


def interpreters():
    yield debian()
    yield from of_pyenv()
    for suite, machine in (("sid", "amd64"), ("bookworm", "i386")):
        found = debian_root(suite, machine)
        python = None if isinstance(found, str) else runnable(found)
        if python:
            yield python
        else:
            print(f"# without {suite} on {machine}: {found if isinstance(found, str) else 'it does not run'}")


def main(scope):
    fine = True
    for python in interpreters() if scope == "libraries" else [debian()]:
        if (CORPUS / f"3.{python.minor}.zip").exists():
            with tempfile.TemporaryDirectory() as folder:
                fine &= check_corpus(python, folder)
        if scope == "libraries":
            with tempfile.TemporaryDirectory() as folder:
                fine &= check_library(python, folder)
    return not fine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
