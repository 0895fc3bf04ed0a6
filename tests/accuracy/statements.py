# SPDX-License-Identifier: Apache-2.0
"""Small modules, each of one topic, whose objects static-memory is to know to the byte: what their import leaves in a fresh
interpreter, without new interned strings, is the least that static-memory says."""
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from imports import predict, run, truth  # noqa: E402
from pythons import debian, of_pyenv  # noqa: E402

STATEMENTS = Path("tests/data/snippets/statements.txt")
BEFORE = [f"nothing{i}" for i in range(40)]  # the first instances of a class, as of loaders of modules, are larger
LEAST = 80  # per cent of them exact


def snippets():
    parts = re.split(r"^# ---- (\w+)\n", STATEMENTS.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def measure(python, folder):
    texts = snippets()
    for name, text in texts.items():
        Path(folder, f"t_{name}.py").write_text(text)
    for name in BEFORE:
        Path(folder, f"{name}.py").touch()
    run(python, "-m", "compileall", "-q", folder)
    Path(folder, "code").mkdir()
    truths = {}
    for name in texts:
        said = truth(python, f"t_{name}", [*BEFORE, "collections"], folder)
        Path(folder, "code", f"t_{name}.pyc").write_bytes(Path(said["modules"][f"t_{name}"]).read_bytes())
        truths[name] = said
    return truths, predict(python, folder, ["code"])


def check(python):
    exact = outside = 0
    with tempfile.TemporaryDirectory() as folder:
        truths, predicted = measure(python, folder)
    for name, said in truths.items():
        low, likely, high = predicted[f"t_{name}"]["resident"]
        left = said["left"] - said["names"] - said["table"]
        exact += low == left
        inside = low <= left and (high is None or left <= high)
        outside += not inside
        if low != left:
            print(f"# {python.name}: {name} {left}: {low - left:+d} ({low} {likely} {high}){'' if inside else ' outside'}")
    label = re.sub("[^A-Za-z0-9.]+", "-", python.name)
    share = 100 * exact / len(truths)
    print(f"# measured {label}-exact {share:.0f} % >= {LEAST}")
    print(f"# measured {label}-outside {outside} modules >= 0", flush=True)
    return share >= LEAST


def main(scope):
    pythons = [debian()] if scope == "quick" else [debian(), *of_pyenv()]
    return not all([check(python) for python in pythons])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
