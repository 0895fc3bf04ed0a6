# SPDX-License-Identifier: Apache-2.0
"""generated.py MEMFLOW [update]: the reference pages are what the command prints; `update` writes them anew."""
import difflib
import os
import subprocess
import sys
from pathlib import Path

PAGES = {"docs/config-reference.md": ["inspect", "--markdown"], "docs/events.md": ["events", "--markdown"]}


def main(memflow, update):
    environment = {**os.environ, "MEMFLOW_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    stale = False
    for name, words in PAGES.items():
        printed = subprocess.run([memflow, *words], env=environment, capture_output=True, text=True, check=True).stdout
        page = Path(name)
        if update:
            page.write_text(printed, encoding="utf-8")
        written = page.read_text(encoding="utf-8")
        stale |= written != printed
        sys.stdout.writelines(difflib.unified_diff(written.splitlines(True), printed.splitlines(True), name,
                                                   "memflow " + " ".join(words)))
    if stale:
        sys.exit("to update: ninja -C build update-docs")


main(sys.argv[1], sys.argv[2:] == ["update"])
