# SPDX-License-Identifier: Apache-2.0
"""What static-memory says of importing modules of the standard library, against tracemalloc around import in fresh interpreters:
of each module alone, when what it imports is there. import-cost.py quick: some modules and Debian's Python; long: all.
Growth of the interpreter's own table of interned strings is left out of the truth: it comes once, with no module of its own."""
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from imports import predict, truth  # noqa: E402
from pythons import debian, of_pyenv  # noqa: E402

# Pure Python, in every version from 3.8 to 3.13; none is there when an interpreter starts.
MODULES = """argparse base64 bisect calendar cmd code codeop colorsys configparser contextlib copy csv dataclasses difflib
fnmatch fractions getopt gettext glob heapq html json keyword linecache logging mimetypes numbers operator optparse pprint
queue quopri random reprlib sched shlex statistics string textwrap timeit""".split()
QUICK = ["colorsys", "cmd", "shlex"]
NEWEST = 13
MEDIAN, MEDIAN_OF_FEW, MEDIAN_OF_PEAK, MOST = 5, 8, 8, 15  # per cent
DIFFER = {"left": "resident", "peak": "import-peak"}


def measure(python, module):
    """The import of the module when its dependencies are there, and its file."""
    closure = truth(python, module)
    before = [name for name in closure["modules"] if name.split(".")[0] != module]
    # a table of the interpreter may happen to grow meanwhile: the least of three is the module's own
    alone = min((truth(python, module, before) for _ in range(3)), key=lambda said: said["left"])
    files = [file for name, file in alone["modules"].items() if file]
    return alone, files


def copy_modules(modules, folder):
    """Compiled files as folder/MODULE.pyc or folder/PACKAGE/NAME.pyc: the names that memflow then shows."""
    for name, file in modules.items():
        if file:
            where = Path(folder, *name.split("."))
            where = where / "__init__.pyc" if "/__init__." in file else where.with_suffix(".pyc")
            where.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, where)


def predict_alone(python, modules):
    """Of a run of their own: what modules of the same run have used before is not counted again."""
    with tempfile.TemporaryDirectory() as folder:
        copy_modules(modules, Path(folder, "code"))
        return predict(python, folder, ["code"])


def sum_of(predicted, names, quantity):
    """Of a module and the modules inside of it that come with it."""
    sides = [predicted[name][quantity] for name in names if name in predicted]
    low, likely, high = zip(*sides)
    return sum(low), sum(likely), None if None in high else sum(high)


def rows_of(python, names):
    truths = {name: measure(python, name) for name in names}
    for name, (said, _) in truths.items():
        predicted = predict_alone(python, said["modules"])
        inside = [module for module, file in said["modules"].items() if file]
        for key, quantity in DIFFER.items():
            yield name, quantity, said[key] - said["table"], sum_of(predicted, inside, quantity), said["names"]


def judge(truth_bytes, amount):
    low, likely, high = amount
    error = 100 * (likely - truth_bytes) / truth_bytes
    inside = low <= truth_bytes and (high is None or truth_bytes <= high)
    return error, inside


def check(python, names):
    errors = {quantity: [] for quantity in DIFFER.values()}
    out = 0
    for name, quantity, bytes_left, amount, new in rows_of(python, names):
        error, inside = judge(bytes_left, amount)
        errors[quantity].append(abs(error))
        bad = abs(error) > MOST and not inside
        out += bad and quantity == "resident"
        print(f"# {python.name}: {name} {quantity} {bytes_left}: {amount[0]} {amount[1]} {amount[2]}  {error:+.1f} %"
              f"{'' if inside else '  outside'}  ({new} of new names)")
    return errors, out


def main(scope):
    quick = scope == "quick"
    fine = True
    for python in [debian()] if quick else [debian(), *of_pyenv()]:
        if python.minor > NEWEST:
            continue
        errors, out = check(python, QUICK if quick else MODULES)
        median = statistics.median(errors["resident"])
        name = python.name.split()[-1].replace("/usr/bin/", "")
        of_peak = statistics.median(errors["import-peak"])
        most = MEDIAN_OF_FEW if quick else MEDIAN
        print(f"# measured median-{name} {median:.1f} % <= {most}")
        print(f"# measured median-of-peak-{name} {of_peak:.1f} % <= {MEDIAN_OF_PEAK}")
        print(f"# measured neither-near-nor-inside-{name} {out} modules == 0", flush=True)
        fine &= median <= most and of_peak <= MEDIAN_OF_PEAK and not out
    return not fine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
