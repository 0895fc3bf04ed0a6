# SPDX-License-Identifier: Apache-2.0
"""What static-memory says of whole programs, against tracemalloc around their import in fresh interpreters: what they leave
lies in the interval, and near to it where every length is provable (see PROVABLE); what they hold at most is near."""
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from imports import predict, run, truth  # noqa: E402
from pythons import debian, of_pyenv  # noqa: E402

PROGRAMS = sorted(Path("tests/data/programs").glob("p*.py"))
NEAR = 3.0  # per cent
NEAR_PEAK = 8.0  # of what they hold at most
MOST_FAR = 0  # programs of an interpreter
PROVABLE = {"p01", "p02", "p03", "p04", "p06", "p07", "p09", "p10"}


def needs(program):
    return " ".join(re.findall(r"^# needs: (.*)", program.read_text(), re.MULTILINE)).split()


def measure(python, folder):
    for program in PROGRAMS:
        shutil.copy(program, folder)
    Path(folder, "nothing.py").touch()  # imported first: what is kept of the folder is no program's
    run(python, "-m", "compileall", "-q", folder)  # the compiler leaves more than a program
    truths = {program.stem: truth(python, program.stem, ["nothing", *needs(program)], folder) for program in PROGRAMS}
    code = Path(folder, "code")
    code.mkdir()
    for name, said in truths.items():
        shutil.copy(said["modules"][name], code / f"{name}.pyc")
    return truths, predict(python, folder, ["code"])


def line(python, name, quantity, bytes_left, amount):
    low, likely, high = amount
    error = 100 * (likely - bytes_left) / bytes_left
    inside = low <= bytes_left and (high is None or bytes_left <= high)
    print(f"# {python.name}: {name} {quantity} {bytes_left}: {low} {likely} {high}  {error:+.2f} %{'' if inside else '  outside'}")
    return error, inside


def check(python):
    outside = far = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        truths, predicted = measure(python, folder)
    for name, said in truths.items():
        refused += predicted[name]["resident"][2] is None
        error, inside = line(python, name, "resident", said["left"] - said["table"], predicted[name]["resident"])
        outside += not inside
        far += name[:3] in PROVABLE and abs(error) > NEAR
        error, inside = line(python, name, "import-peak", said["peak"] - said["table"], predicted[name]["import-peak"])
        outside += not inside and abs(error) > NEAR_PEAK
    name = re.sub("[^A-Za-z0-9.]+", "-", python.name)
    print(f"# measured {name}-outside {outside} figures == 0")
    print(f"# measured {name}-far {far} programs <= {MOST_FAR}")
    print(f"# measured {name}-without-bound {refused} programs == 0", flush=True)
    return not outside and far <= MOST_FAR and not refused


def main(scope):
    pythons = [debian()] if scope == "quick" else [debian(), *of_pyenv()]
    return not all([check(python) for python in pythons])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
