# SPDX-License-Identifier: Apache-2.0
"""broken.py MEMFLOW FOLDER: each broken module of FOLDER is refused in its own sentence, by list-plugins, check and run;
nothing crashes or hangs the command."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MEMFLOW, FOLDER = sys.argv[1], Path(sys.argv[2])
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:handle_abort=0", "TSAN_OPTIONS": "handle_segv=0:handle_abort=0",
               "MEMFLOW_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent", "LC_ALL": "C"}

SENTENCES = {
    "not-elf": "cannot be opened: invalid ELF header",
    "no-symbol": "is not a memflow module: it has no symbol memflow_module",
    "undefined-symbol": "cannot be opened: undefined symbol: function_of_a_newer_libc",
    "returns-null": "memflow_module returned nothing",
    "wrong-magic": "it begins with 0x12345678, which is not the magic number of memflow modules",
    "newer-major": "needs plugin ABI 1.x, this memflow has 0.1",
    "newer-minor": "needs plugin ABI 0.2, this memflow has 0.1: a newer memflow is needed",
    "short-module": "its module record has 8 bytes instead of 48",
    "no-version": "it does not state its name, version and licence",
    "no-plugin": "it contains no plugin",
    "short-descriptor": "a plugin descriptor of 16 bytes is smaller than the 136 of this ABI",
    "bad-id": "a plugin has no proper id (a-z, 0-9, -)",
    "no-summary": "plugin 'no-summary' has no summary",
    "unknown-kind": "plugin 'unknown-kind' is of the unknown kind 9",
    "tiny-instance": "plugin 'tiny-instance' has an instance of 4 bytes",
    "collector-without-collect": "plugin 'collector-without-collect' of kind collector has no collect function",
    "collector-that-consumes": "plugin 'collector-that-consumes' of kind collector may not consume",
    "analyzer-without-input": "plugin 'analyzer-without-input' of kind analyzer consumes nothing",
    "format-that-publishes": "plugin 'format-that-publishes' of kind format may not publish",
    "no-handler": "plugin 'no-handler': the input 'heap.block' has no handler",
    "port-outside": "plugin 'port-outside': the port of 'broken.tally' lies outside of its instance",
    "option-outside": "plugin 'option-outside': option 'least' lies outside the instance",
    "option-default": "plugin 'option-default': option 'least' has a bad default: '64K' is ambiguous",
    "schema-hole": "event type 'broken.holed': a hole before field 'bytes' at offset 8: rows must have no padding",
    "schema-width": "event type 'broken.narrow': field 'bytes' of kind u64 is 4 bytes wide",
    "schema-name": "event type 'Broken Name': a name has lower-case letters, digits, dots and dashes only",
    "crash": "loading it ended with signal 11 (Segmentation fault)",
    "abort": "loading it ended with signal 6 (Aborted)",
    "exit": "loading it ended the process",
    "endless": "loading it took more than 5 s",
}
CRASHED = {"crash", "abort", "exit", "endless"}


def memflow(*words):
    return subprocess.run([MEMFLOW, *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


class Broken(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        (FOLDER / "not-elf.so").write_text("This text is not a shared object, it is only called like one. " * 4)

    def test_every_module_has_a_sentence(self):
        self.assertEqual({path.stem for path in FOLDER.glob("*.so")}, set(SENTENCES))
        self.assertEqual(len(set(SENTENCES.values())), len(SENTENCES))

    def test_list_plugins(self):
        listed = memflow("list-plugins", "--json", "--plugin-path", str(FOLDER))
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        found = {Path(row["path"]).stem: (row["state"], row["reason"]) for row in json.loads(listed.stdout)
                 if Path(row["path"]).parent == FOLDER}
        self.assertEqual(found, {name: ("CRASHED" if name in CRASHED else "BROKEN", sentence)
                                 for name, sentence in SENTENCES.items()})
        self.assertIn("serial", listed.stdout)

    def test_check_and_run(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, sentence in SENTENCES.items():
                kind = "collector" if name.startswith("collector") else "analyzer"
                path = Path(folder, "broken.ini")
                path.write_text(f"[{kind} stage]\nplugin = {name}\n")
                expected = (f"{path}:2:10: error: the module of plugin '{name}' cannot be loaded: "
                            f"{FOLDER}/{name}.so: {sentence}\n"
                            f"    2 | plugin = {name}\n      |          ^{'~' * (len(name) - 1)}\n1 error\n")
                for command in ["check", "run"] if name != "endless" else ["check"]:
                    with self.subTest(command, name=name):
                        done = memflow(command, "--plugin-path", str(FOLDER), str(path))
                        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "", expected))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
