# SPDX-License-Identifier: Apache-2.0
"""search-path.py MEMFLOW MODULES SOUND: in which order folders count, what is hidden, and whom memflow trusts when it has
raised privileges. SOUND holds the folders 1 and 2 with two versions of the plugin 'sound'."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MEMFLOW, MODULES, SOUND = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
FIRST, SECOND = SOUND / "1", SOUND / "2"
NOBODY = 65534
REFUSAL = "memflow runs with raised privileges and loads only modules that belong to root and that others cannot write"


def memflow(*words, command=MEMFLOW, **variables):
    environment = {**os.environ, "MEMFLOW_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent", "LC_ALL": "C",
                   "ASAN_OPTIONS": "detect_leaks=0", **variables}
    return subprocess.run([command, *words], env=environment, capture_output=True, text=True, timeout=60)


def sound(*words, **variables):
    """Version, state and folder of every plugin 'sound', and the reasons."""
    rows = json.loads(memflow("list-plugins", "--json", *words, **variables).stdout)
    return [(row["version"], row["state"], row["reason"]) for row in rows if row["id"] == "sound"]


class SearchPath(unittest.TestCase):
    def test_the_first_folder_counts(self):
        for folders, used, hidden in (([FIRST, SECOND], "1.0", "2.0"), ([SECOND, FIRST], "2.0", "1.0")):
            words = [word for folder in folders for word in ("--plugin-path", str(folder))]
            listed = sound(*words)
            self.assertEqual(sorted(listed), sorted([
                (used, "OK", ""), (hidden, "SHADOWED", f"hidden by {folders[0]}/sound.so")]))
            shown = memflow("inspect", "sound", *words)
            self.assertEqual(shown.stdout.split("\n")[0], f"analyzer sound {used}: takes blocks and says nothing")

    def test_the_command_line_comes_before_the_environment_and_that_before_the_users_folder(self):
        with tempfile.TemporaryDirectory() as home:
            users = Path(home, "memflow", "plugins")
            users.mkdir(parents=True)
            shutil.copy(FIRST / "sound.so", users)
            self.assertEqual(sound(XDG_DATA_HOME=home), [("1.0", "OK", "")])
            self.assertEqual([row[:2] for row in sorted(sound(XDG_DATA_HOME=home, MEMFLOW_PLUGIN_PATH=str(SECOND)))],
                             [("1.0", "SHADOWED"), ("2.0", "OK")])
            self.assertEqual([row[:2] for row in sorted(sound("-P", str(FIRST), MEMFLOW_PLUGIN_PATH=str(SECOND)))],
                             [("1.0", "OK"), ("2.0", "SHADOWED")])

    def test_the_variable_holds_several_folders(self):
        listed = sound(MEMFLOW_PLUGIN_PATH=f"/nonexistent::{SECOND}:{FIRST}")
        self.assertEqual([row[:2] for row in sorted(listed)], [("1.0", "SHADOWED"), ("2.0", "OK")])

    def test_a_plugin_of_ours_can_be_hidden_and_is_said_to_be(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(MODULES / "json.so", folder)
            rows = json.loads(memflow("list-plugins", "--json", "-P", folder).stdout)
            hidden = [row["path"] for row in rows if row["state"] == "SHADOWED"]
            self.assertEqual(hidden, [str(MODULES / "json.so")])


@unittest.skipUnless(os.geteuid() == 0, "only root can raise privileges")
@unittest.skipIf("ASAN_OPTIONS" in os.environ, "LeakSanitizer cannot look into a setuid program")
class RaisedPrivileges(unittest.TestCase):
    """A copy of the command that belongs to nobody and has the setuid bit, with modules beside it."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.command = self.folder / "memflow"
        self.modules = self.folder / "modules"
        self.modules.mkdir()
        shutil.copy(MEMFLOW, self.command)
        os.chown(self.command, NOBODY, NOBODY)
        self.command.chmod(0o4755)
        shutil.copy(FIRST / "sound.so", self.modules)
        if os.statvfs(self.folder).f_flag & os.ST_NOSUID:
            self.skipTest("the file system ignores setuid bits")

    def listed(self, *words, **variables):
        rows = json.loads(memflow("list-plugins", "--json", *words, command=str(self.command), **variables).stdout)
        return [(row["version"], row["state"], row["reason"]) for row in rows]

    def test_only_the_systems_folder_counts(self):
        ours = [("1.0", "OK", "")]
        self.assertEqual(self.listed(), ours)
        self.assertEqual(self.listed("--plugin-path", str(SECOND), MEMFLOW_PLUGIN_PATH=str(SECOND)), ours)

    def test_modules_of_others_are_refused(self):
        module = self.modules / "sound.so"
        config = self.folder / "sound.ini"
        config.write_text("[analyzer sound]\n")
        config.chmod(0o644)
        for spoil in (lambda: os.chown(module, NOBODY, NOBODY), lambda: (os.chown(module, 0, 0), module.chmod(0o646))):
            spoil()
            self.assertEqual(self.listed(), [("", "BROKEN", REFUSAL)])
            checked = memflow("check", str(config), command=str(self.command))
            self.assertEqual((checked.returncode, checked.stderr.split("\n")[0]), (
                3, f"{config}:1:2: error: the module of plugin 'sound' cannot be loaded: {module}: {REFUSAL}"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
