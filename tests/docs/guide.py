# SPDX-License-Identifier: Apache-2.0
"""guide.py MEMFLOW COMPILER INCLUDE: the plugin guide does what it says. A block of C that names a file (```c hello.c) is
compiled into a module; one of INI (```ini hello.ini) is run with it; the text block behind it is part of the output."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GUIDE = Path("docs/plugin-guide.md")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fvisibility=hidden", "-fPIC",
         "-shared", "-Wl,--no-undefined"]


def run(words, folder, **variables):
    done = subprocess.run(words, cwd=folder, text=True, capture_output=True, check=False, timeout=100,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **variables})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main(memflow, compiler, include):
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    compiled = shown = 0
    printed = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree("configs/recordings", folder / "recordings")
        for language, file, text in blocks:
            if language == "c":
                (folder / file).write_text(text)
                run([compiler, *FLAGS, "-I", include, file, "-o", file.replace(".c", ".so")], folder)
                compiled += 1
            elif language == "ini":
                (folder / file).write_text(text)
                printed = run([memflow, "run", "--deterministic", file], folder, MEMFLOW_PLUGIN_PATH=name)
            elif language == "text" and file == "output":
                shown += 1
                if text not in printed:
                    sys.exit(f"the guide shows\n{text}\nbut the run printed\n{printed}")
    if compiled < 2 or shown < 2:
        sys.exit(f"only {compiled} modules and {shown} outputs were found in {GUIDE}")
    print(f"{compiled} modules compiled, {shown} outputs compared")


main(*sys.argv[1:])
