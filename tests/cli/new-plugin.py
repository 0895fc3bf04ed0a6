# SPDX-License-Identifier: Apache-2.0
"""new-plugin.py MEMFLOW CMAKE BUILD INCLUDE: each kind of `memflow new-plugin` builds as it is written, does something
visible, and is listed; against the build tree, and one of them against an installation of it in another folder."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MEMFLOW, CMAKE, BUILD, INCLUDE = sys.argv[1:]
ENVIRONMENT = {**os.environ, "MEMFLOW_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
ENVIRONMENT.pop("MEMFLOW_DEVICE", None)

VISIBLE = {
    "analyzer": ["data fills 1552 of 1728 used bytes, in 19 blocks", "data               19      1,552"],
    "collector": ["used (B)  20,480  39,936  20,480   43,008"],
    "format": ["heap.block                 70 rows       2240 bytes, from board"],
}


class NewPlugin(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_word(self, *words, status=0, **variables):
        done = subprocess.run([str(word) for word in words], cwd=self.folder, env={**ENVIRONMENT, **variables},
                              capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, status, f"{words}\n{done.stdout}\n{done.stderr}")
        return done.stdout + (done.stderr if status else "")

    def grow(self, memflow, kind, *options, **variables):
        written = self.run_word(memflow, "new-plugin", kind, "leak-watch")
        for name in ("CMakeLists.txt", "README.md", "leak-watch.c", "leak-watch.ini"):
            self.assertIn(f"  leak-watch/{name}\n", written)
        for path in (self.folder / "leak-watch").iterdir():
            for placeholder in ("@ID@", "@Type@", "@function@"):
                self.assertNotIn(placeholder, path.read_text())
        self.run_word(CMAKE, "-S", "leak-watch", "-B", "leak-watch/build", "-DCMAKE_C_FLAGS=-Werror", *options, **variables)
        self.run_word(CMAKE, "--build", "leak-watch/build")
        shown = self.run_word(memflow, "run", "leak-watch/leak-watch.ini", "--plugin-path", "leak-watch/build")
        for line in VISIBLE[kind]:
            self.assertIn(line, shown)
        listed = self.run_word(memflow, "list-plugins", "--plugin-path", "leak-watch/build")
        self.assertRegex(listed, f"(?m)^{kind} +leak-watch +0.1.0 .* leak-watch/build$")

    def test_collector(self):
        self.grow(MEMFLOW, "collector", f"-DMEMFLOW_INCLUDE={INCLUDE}")
        log = self.folder / "leak-watch/heap.log"
        log.write_text(log.read_text() + "12000 1 -1\n")
        told = self.run_word(MEMFLOW, "run", "leak-watch/leak-watch.ini", "-P", "leak-watch/build", status=1)
        self.assertIn("leak-watch.ini:7:8: error: collector 'log': leak-watch/heap.log:27: a line is three numbers", told)

    def test_analyzer(self):
        self.grow(MEMFLOW, "analyzer", f"-DMEMFLOW_INCLUDE={INCLUDE}")

    def test_format(self):
        self.grow(MEMFLOW, "format", f"-DMEMFLOW_INCLUDE={INCLUDE}")

    def test_installation(self):
        self.run_word(CMAKE, "--install", BUILD, "--prefix", self.folder / "usr")
        pkgconfig = next(self.folder.glob("usr/lib/**/pkgconfig"))
        self.grow(self.folder / "usr/bin/memflow", "analyzer", PKG_CONFIG_PATH=str(pkgconfig))
        listed = self.run_word(self.folder / "usr/bin/memflow", "list-plugins")
        self.assertRegex(listed, "(?m)^collector +serial .* built-in$")

    def test_what_cannot_be_written_is_refused(self):
        self.assertEqual(self.run_word(MEMFLOW, "new-plugin", "analyser", "a", status=2),
                         "memflow: there is no kind 'analyser': collector, analyzer or format\n")
        self.assertEqual(self.run_word(MEMFLOW, "new-plugin", "analyzer", "../a", status=2),
                         "memflow: '../a' is no proper name: lower-case letters, digits and dashes, a letter first\n")
        (self.folder / "taken").mkdir()
        self.assertEqual(self.run_word(MEMFLOW, "new-plugin", "analyzer", "taken", status=2),
                         "memflow: cannot make the folder taken: File exists\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
