# SPDX-License-Identifier: Apache-2.0
"""stranger-replay.py MEMFLOW PARTS STRANGER [update]: the pictures of types that no part of memflow knows, each view of
them, drawn from the run and drawn again from its capture where their plugins are not even there."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MEMFLOW, PARTS, STRANGER = sys.argv[1:4]
GOLDEN = Path("tests/golden/stranger")
FORMATS = """
[format text]
path = report.txt
types = visitor.*, stranger.*
[format lines]
plugin = json
mode = lines
path = lines.jsonl
types = visitor.*, stranger.*
[format csv]
path = table
types = visitor.*, stranger.*
"""
RUN = f"""[pipeline]
name = guests
[collector odd]
plugin = stranger
[collector board]
plugin = serial
device = board.txt
[analyzer visitor]
from = board
{FORMATS}
[format capture]
path = guests.mfc
derived = yes
"""
REPLAY = "[pipeline]\nname = guests\n[collector again]\nplugin = replay\npath = run/guests.mfc\n" + FORMATS


def run(folder, name, text, *words):
    (folder / f"{name}.ini").write_text(text)
    done = subprocess.run([MEMFLOW, "run", "--deterministic", "-o", name, *words, f"{name}.ini"], cwd=folder, text=True,
                          capture_output=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=100)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes().decode() for path in (folder / name).iterdir() if path.suffix != ".mfc"}


def pictures(text):
    """The report without its title, which names the source."""
    return text.split("\n", 1)[1]


def replayed(text):
    """What a replay would write: all rows come from its one stage."""
    return re.sub(r'(?<=[,"(])(odd|visitor)(?=[,")])', "again", text)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy("configs/recordings/stm32f205-fragment.txt", folder / "board.txt")
        first = run(folder, "run", RUN, "-P", PARTS, "-P", STRANGER)
        second = run(folder, "replay", REPLAY)
    assert set(first) == set(second), (sorted(first), sorted(second))
    for file, text in first.items():
        again = second[file]
        if file == "report.txt":
            text, again = pictures(text), pictures(again)
        assert replayed(text) == again, f"{file} differs after the replay:\n{text}\n--\n{again}"
    golden = {"report.txt": pictures(first["report.txt"]), "visitor.bin.csv": first["table-visitor.bin.csv"],
              "visitor.room.csv": first["table-visitor.room.csv"]}
    for file, text in golden.items():
        if sys.argv[4:] == ["update"]:
            (GOLDEN / file).write_bytes(text.encode())
        assert (GOLDEN / file).read_bytes().decode() == text, f"{file} differs from tests/golden/stranger:\n{text}"


main()
