# SPDX-License-Identifier: Apache-2.0
"""The agent is not preloaded into a program with more rights than its user: it runs, and nothing of it is recorded."""
import os
import shutil
import subprocess
import sys
import unittest

from end_to_end import COMMAND
from hooks_run import HooksTest

NOBODY = 65534


class Setuid(HooksTest):
    def test_a_setuid_program_is_not_recorded(self):
        program = self.folder / "program"
        shutil.copy(os.environ["LIVE_CHUNKS"], program)
        for path in (self.temporary, self.folder):
            os.chmod(path, 0o755)
        os.makedirs(self.folder / "out")
        os.chown(self.folder / "out", NOBODY, NOBODY)
        self.record(program, options=["malloc=yes"], user=NOBODY)
        self.assertGreater(len(self.events), 0)
        os.chmod(program, 0o4755)
        run = self.record(program, options=["malloc=yes"], user=NOBODY)
        self.assertEqual(self.events, [])
        self.assertGreater(int(run.stdout), 0)
        self.assertIn("the program ended without a recorded call", run.stderr)


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root can make a program of root's for another user"
    try:
        subprocess.run([COMMAND, "--version"], user=NOBODY, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "the other user may not enter the folder of this build"
    return None


if __name__ == "__main__":
    if why := reason_to_skip():
        print(f"# skipped: {why}")
        sys.exit(77)
    unittest.main()
