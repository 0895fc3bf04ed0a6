# SPDX-License-Identifier: Apache-2.0
"""The collector pyc as a user runs it: a folder, a zip, one file, sources, damaged and foreign files."""
import base64
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MEMFLOW = os.environ["MEMFLOW"]
CONFIGURATION = """[pipeline]
name = code
output = out
[collector code]
plugin = pyc
[format rows]
plugin = csv
"""
SOURCE = """import os
from . import sibling
from ..other import one, two
class A:
    import json
    def f(self):
        import decimal
        return decimal
"""


def run(folder, *words, expected=0):
    (folder / "code.ini").write_text(CONFIGURATION)
    shutil.rmtree(folder / "out", ignore_errors=True)
    said = subprocess.run([MEMFLOW, "run", "code.ini", *words], cwd=folder, capture_output=True, text=True, check=False)
    if said.returncode != expected:
        raise AssertionError(f"{words}: status {said.returncode}\n{said.stderr}")
    return said.stderr


def rows(folder, kind):
    path = folder / "out" / f"code-{kind}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r}, expected {expected!r}")


def test_archive(folder):
    run(folder, str(Path("tests/data/pyc/3.12.zip").resolve()))
    units = rows(folder, "code.unit")
    equal({row["runtime"] for row in units}, {"CPython 3.12"})
    average = [row for row in units if row["module"] == "m01_sensor_logger" and row["name"] == "Logger.average"]
    equal([(row["first_line"], row["stack"]) for row in average], [("34", "5")])
    deque = [row for row in rows(folder, "module.import") if row["module"] == "collections"]
    equal([(row["importer"], row["names"], row["when"]) for row in deque],
          [("m25_scheduler", "deque,namedtuple,defaultdict", "at-once")])


def test_folder_with_damage(folder):
    with zipfile.ZipFile("tests/data/pyc/3.8.zip") as archive:
        archive.extract("m03_parser.pyc", folder / "code")
        whole = archive.read("m05_classes.pyc")
    (folder / "code" / "cut.pyc").write_bytes(whole[:500])
    (folder / "code" / "newer.pyc").write_bytes(b"\x74\x0e\r\n" + whole[4:])
    said = run(folder, "--set", "code.path=code")
    assert "cut.pyc: " in said and "is cut off" in said, said
    assert "newer.pyc: it is for a Python after 3.15 (magic number 3700)" in said, said
    equal({row["module"] for row in rows(folder, "code.unit")}, {"m03_parser"})
    equal([Path(row["what"]).name for row in rows(folder, "input.damage")], ["cut.pyc", "newer.pyc"])


def test_nothing_usable(folder):
    (folder / "cut.pyc").write_bytes(b"\xcb\x0d\r\n")
    said = run(folder, "--set", "code.path=cut.pyc", expected=1)
    assert "its header of 16 bytes is cut off after 4" in said, said


def test_sources(folder):
    package = folder / "top" / "pkg"
    package.mkdir(parents=True)
    (package / "mod.py").write_text(SOURCE)
    (package / "broken.py").write_text("def f(:\n")
    said = run(folder, "--set", "code.path=.", "--set", f"code.compiler={sys.executable}")
    assert "broken.py: it cannot be compiled: " in said, said
    imports = [(row["module"], row["names"], row["line"], row["when"]) for row in rows(folder, "module.import")]
    equal(sorted(imports), [("decimal", "", "7", "in-a-call"), ("json", "", "5", "at-once"), ("os", "", "1", "at-once"),
                            ("top.other", "one,two", "3", "at-once"), ("top.pkg", "sibling", "2", "at-once")])
    equal(list(folder.glob("**/__pycache__")), [])
    run(folder, "--set", "code.path=.", "--set", "code.compile=never", expected=1)
    (package / "mod.pyc").write_bytes(b"stale")
    run(folder, "--set", "code.path=.", "--set", "code.compile=never", expected=1)
    run(folder, "--set", "code.path=.", "--set", "code.compile=python", "--set", f"code.compiler={sys.executable}")
    equal({row["module"] for row in rows(folder, "code.unit")}, {"top.pkg.mod"})


def test_micropython(folder):
    shutil.copy("tests/fuzz/corpus/mpy/6-armv7m.mpy", folder / "native.mpy")
    run(folder, "native.mpy")
    equal([(row["name"], row["runtime"]) for row in rows(folder, "code.unit")][:2],
          [("<module>", "MicroPython bytecode 6.3 armv7m"), ("f", "MicroPython bytecode 6.3 armv7m")])


def test_mpy_cross(folder):
    """A compiler of its own: it takes what mpy-cross is given, and refuses one source."""
    compiler = folder / "mpy-cross"
    compiler.write_text(f"""#!/bin/sh
case "$1 $2 $3 $5" in
  "-s one.py -o "*/code/one.py) cp {Path("tests/fuzz/corpus/mpy/6-classes.mpy").resolve()} "$4" ;;
  *) echo "first line" >&2; echo "SyntaxError: second line" >&2; exit 1 ;;
esac
""")
    compiler.chmod(0o755)
    (folder / "code").mkdir()
    for name in ("one", "two"):
        (folder / "code" / f"{name}.py").write_text("pass\n")
    said = run(folder, "--set", "code.path=code", "--set", "code.compile=mpy-cross", "--set", f"code.compiler={compiler}")
    assert "two.py: it cannot be compiled: first line SyntaxError: second line\n" in said, said
    equal({(row["module"], row["runtime"]) for row in rows(folder, "code.unit")}, {("one", "MicroPython bytecode 6.0")})


def test_content(folder):
    """Modules travel in captures, whole; other formats get them only on request."""
    shutil.copy("tests/data/pyc/3.12.zip", folder / "code.zip")
    run(folder, "code.zip")
    equal(rows(folder, "code.content"), [])
    recorded = CONFIGURATION.replace("csv", "capture")
    (folder / "record.ini").write_text(recorded)
    subprocess.run([MEMFLOW, "run", "record.ini", "code.zip"], cwd=folder, check=True, capture_output=True)
    (folder / "replay.ini").write_text(CONFIGURATION.replace("plugin = pyc", "plugin = replay") + "types = code.*\n")
    subprocess.run([MEMFLOW, "run", "replay.ini", "out/code.mfc"], cwd=folder, check=True, capture_output=True)
    modules = {}
    for row in rows(folder, "code.content"):
        modules.setdefault(row["origin"], []).append(base64.b64decode(row["content"]))
    with zipfile.ZipFile(folder / "code.zip") as archive:
        equal({name: b"".join(pieces) for name, pieces in modules.items()},
              {f"code.zip: {name}": archive.read(name) for name in archive.namelist() if name.endswith(".pyc")})


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                test(Path(folder))
            print(f"ok {name}")


if __name__ == "__main__":
    main()
