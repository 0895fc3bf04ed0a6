# SPDX-License-Identifier: Apache-2.0
"""Small modules, each of one topic: what their import leaves in a fresh interpreter is what static-memory says, nearly or
within its interval."""
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, "tests/e2e")
from imports import predict, run, truth  # noqa: E402
from pythons import debian, of_pyenv  # noqa: E402

STATEMENTS = Path("tests/data/snippets/statements.txt")
BEFORE = [f"nothing{i}" for i in range(40)]  # the first instances of a class, as of loaders of modules, are larger
NEAR = 5  # per cent
LEAST = 50  # per cent of them near
MOST_OUTSIDE = 4  # neither near nor inside


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
    near = outside = 0
    with tempfile.TemporaryDirectory() as folder:
        truths, predicted = measure(python, folder)
    for name, said in truths.items():
        low, likely, high = predicted[f"t_{name}"]["resident"]
        left = said["left"] - said["table"]
        error = 100 * (likely - left) / left
        inside = low <= left and (high is None or left <= high)
        near += abs(error) <= NEAR
        outside += abs(error) > NEAR and not inside
        if abs(error) > NEAR:
            print(f"# {python.name}: {name} {left}: {error:+.1f} % ({low} {likely} {high}){'' if inside else ' outside'}")
    label = re.sub("[^A-Za-z0-9.]+", "-", python.name)
    share = 100 * near / len(truths)
    print(f"# measured {label}-near {share:.0f} % >= {LEAST}")
    print(f"# measured {label}-outside {outside} modules <= {MOST_OUTSIDE}", flush=True)
    return share >= LEAST and outside <= MOST_OUTSIDE


def main(scope):
    pythons = [debian()] if scope == "quick" else [debian(), *of_pyenv()]
    return not all([check(python) for python in pythons])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
