# SPDX-License-Identifier: Apache-2.0
"""What static-memory says of modules for MicroPython, against gc.mem_alloc () before their import and after it, garbage
collected: figures of tests/data/mpy/imports.csv; under `long` they are measured again on Debian's micropython of trixie."""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

sys.path.insert(0, "tests/e2e")
from end_to_end import COMMAND, SOURCE  # noqa: E402
from pythons import MACHINES  # noqa: E402

DATA = Path("tests/data/mpy")
FAR, MEDIAN = 10.0, 2.0  # per cent
MOST_FAR, LEAST_COMPARED = 5, 80  # figures
# 16 or 32 bytes: what is on the C stack when it collects may keep a block or a few; a name may be the one that needs another chunk
BLOCKS = 3
TARGET = """[target]
title = test
architecture = any
pointer = {pointer}
python = micropython
version = {version}
representation = {representation}
allocator = micropython
"""
CONFIGURATION = """[pipeline]
name = micropython
output = .
[collector code]
plugin = pyc
path = {module}
[analyzer static-memory]
target = {targets}
[format rows]
plugin = json
mode = lines
path = rows.jsonl
from = static-memory
"""
MEASURE = """
import gc, sys
sys.path.insert(0, "")
name = sys.argv[1]
before = after = 0
exec("def load():\\n import %s" % name)
gc.collect(); gc.collect()
before = gc.mem_alloc()
load()
gc.collect(); gc.collect()
after = gc.mem_alloc()
print(after - before)
"""


def target_name(row):
    return f"v{row['version']}-{row['pointer']}-{row['representation']}"


def predict(module, folder, rows):
    """Resident bytes, least, likely and most, by target."""
    names = sorted({target_name(row) for row in rows})
    for row in rows:
        Path(folder, f"{target_name(row)}.ini").write_text(TARGET.format(**row))
    Path(folder, "memflow.ini").write_text(CONFIGURATION.format(
        module=f"{module}.mpy", targets=", ".join(f"{folder}/{name}.ini" for name in names)))
    run = subprocess.run([COMMAND, "run", "memflow.ini"], cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stderr)
    costs = {}
    for text in Path(folder, "rows.jsonl").read_text().splitlines():
        event = json.loads(text)
        if event["type"] == "code.cost" and event["row"]["quantity"] == "resident":
            costs[Path(event["row"]["target"]).name] = [event["row"][bound] for bound in ("low", "likely", "high")]
    return costs


def compare(row, said, before):
    """Its error in per cent, and whether it is near, or inside of what was said."""
    kept, (low, likely, high) = int(row["kept"]), said
    if before:
        low, likely, high = low - before[1], likely - before[1], None if high is None else high - before[1]
    error = 100 * (likely - kept) / kept
    block = 4 * (8 if row["representation"] == "D" else int(row["pointer"]))
    inside = low <= kept and (high is None or kept <= high)
    near = abs(error) <= FAR or abs(likely - kept) <= BLOCKS * block
    print(f"# {row['module']} {target_name(row)} {kept}: {low} {likely} {high}  {error:+.1f} %"
          f"{'' if inside else '  outside'}{'' if near else '  FAR'}")
    return abs(error), near or inside


def check(name, rows, folder):
    costs = {}
    for module in {row["module"] for row in rows} | {row["before"] for row in rows if row["before"]}:
        costs[module] = predict(module, folder, rows)
    results = [compare(row, costs[row["module"]][target_name(row)],
                       costs[row["before"]][target_name(row)] if row["before"] else None) for row in rows]
    middle = median(error for error, _ in results)
    far, wrong = sum(error > FAR for error, _ in results), sum(not fine for _, fine in results)
    print(f"# measured {name}-compared {len(results)} figures >= {LEAST_COMPARED}")
    print(f"# measured {name}-median {middle:.2f} % <= {MEDIAN}")
    print(f"# measured {name}-beyond-10 {far} figures <= {MOST_FAR}")
    print(f"# measured {name}-neither-near-nor-inside {wrong} figures == 0", flush=True)
    return len(results) >= LEAST_COMPARED and middle <= MEDIAN and far <= MOST_FAR and not wrong


def measure_again(rows, folder):
    """The same rows with figures of today, of Debian's micropython on two machines."""
    Path(folder, "measure.py").write_text(MEASURE)
    again = []
    for machine in ("amd64", "armhf"):
        loader, libraries, word, emulator = MACHINES[machine]
        root = Path(COMMAND).parent / "roots" / f"trixie-micropython-{machine}"
        subprocess.run([SOURCE / "scripts/debian-root.sh", root, "trixie", machine, "micropython"], check=True)
        command = [*([emulator] if emulator else []), root / loader, "--library-path",
                   f"{root}/usr/lib/{libraries}:{root}/lib/{libraries}", root / "usr/bin/micropython", "-X", "heapsize=2m"]
        for row in rows:
            if row["before"] or int(row["pointer"]) != word:
                continue
            said = subprocess.run([*command, "measure.py", row["module"]], cwd=folder, capture_output=True, text=True, check=True)
            print(f"# {row['module']} on {machine}: {said.stdout.strip()}, noted {row['kept']}")
            again.append({**row, "kept": said.stdout.strip()})
    return again


def main(mode):
    rows = list(csv.DictReader(io.StringIO((DATA / "imports.csv").read_text())))
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(DATA / "imports.zip").extractall(folder)
        fine = check("noted", rows, folder)
        if mode == "long":
            for source in Path(folder).glob("*.py"):
                os.remove(source)  # so that the compiled ones are imported
            fine &= check("measured", measure_again(rows, folder), folder)
    return not fine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
