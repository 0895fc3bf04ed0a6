# SPDX-License-Identifier: Apache-2.0
"""The interpreters that tests run programs on: Debian's own, those of pyenv, and Debian's of other releases and machines
in folders that debootstrap made."""
import glob
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from end_to_end import COMMAND, SOURCE

PYTHON = "/usr/bin/python3"
AGENTS = Path(COMMAND).parent / "agent"


class Interpreter(NamedTuple):
    name: str
    minor: int
    word: int  # bytes of a pointer
    command: tuple
    environment: dict = {}
    options: tuple = ()  # of the collector


def version_of(python):
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"Python 3\.(\d+)\.\d+$", said.strip())
    return int(match.group(1)) if match else None


def debian():
    return Interpreter(f"Debian's {PYTHON}", version_of(PYTHON), 8, (PYTHON,))


def of_pyenv():
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    paths = sorted(glob.glob(f"{root}/versions/3.*/bin/python3"))
    found = [Interpreter(f"pyenv's {path.split('/')[-3]}", version_of(path), 8, (path,)) for path in paths]
    return [interpreter for interpreter in found if interpreter.minor and interpreter.minor >= 8]


# machine: loader, folder of libraries, bytes of a pointer, emulator
MACHINES = {"amd64": ("lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu", 8, None),
            "i386": ("lib/ld-linux.so.2", "i386-linux-gnu", 4, None),
            "arm64": ("lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu", 8, "qemu-aarch64"),
           "armhf": ("lib/ld-linux-armhf.so.3", "arm-linux-gnueabihf", 4, "qemu-arm")}


def debian_root(suite, machine, *packages):
    """Debian's Python of a release for a machine: an Interpreter, or why there is none. The folder is made once in the build;
    the loader of the folder runs the interpreter, so that no root and no chroot is needed for that."""
    loader, libraries, word, emulator = MACHINES[machine]
    if emulator and not shutil.which(emulator):
        return f"{emulator} is not installed"
    root = Path(COMMAND).parent / "roots" / f"{suite}-{machine}"
    made = subprocess.run([SOURCE / "scripts/debian-root.sh", root, suite, machine, "python3", *packages],
                          capture_output=True, text=True, check=False)
    if made.returncode:
        return (made.stderr or made.stdout).strip().splitlines()[-1]
    python = os.path.realpath(root / "usr/bin/python3")
    run = [f"{root}/{loader}", "--library-path", f"{root}/usr/lib/{libraries}:{root}/lib/{libraries}", python]
    options = [f"agent={AGENTS / libraries / 'libmemflow-agent.so'}"] if emulator else []
    minor = int(python.rsplit(".", 1)[1])
    command = ([emulator] if emulator else []) + run
    return Interpreter(f"Debian {suite}, {machine}", minor, word, tuple(command), {"PYTHONHOME": f"{root}/usr"}, tuple(options))
