# SPDX-License-Identifier: Apache-2.0
"""Runs memflow against terminals that a test holds the other end of. One select loop moves all bytes, and every
wait is a wait for something, with a limit: there are no sleeps."""
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import tty

PATIENCE = 60.0  # seconds; a limit, not a pause


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def check_equal(actual, expected, what):
    check(actual == expected, f"{what}: {actual!r}, expected {expected!r}")


class Terminal:
    """A pseudo terminal behind the link `path`: the test has the master, memflow opens the other end."""

    def __init__(self, path):
        self.fd, self.slave = os.openpty()  # the slave stays open: the line keeps its settings and never hangs up
        tty.setraw(self.slave)
        os.set_blocking(self.fd, False)
        self.path = path
        os.symlink(os.ttyname(self.slave), path)

    def unplug(self):
        os.unlink(self.path)
        os.close(self.slave)
        os.close(self.fd)


class Loop:
    """Moves bytes: each descriptor has a handler that gets what was read, b"" at its end."""

    def __init__(self):
        self.handlers = {}

    def add(self, fd, handler):
        self.handlers[fd] = handler

    def remove(self, fd):
        self.handlers.pop(fd, None)

    def turn(self, seconds):
        for fd in select.select(list(self.handlers), [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                self.handlers[fd](os.read(fd, 65536))

    def until(self, condition, what, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition():
            left = end - time.monotonic()
            check(left > 0, f"waited {patience:.0f} s for {what() if callable(what) else what}")
            self.turn(min(left, 0.2))


class Run:
    """A running `memflow run`: its remarks are in `said`, its events can be read after the end."""

    def __init__(self, memflow, loop, options, arguments=()):
        self.folder = tempfile.TemporaryDirectory(prefix="memflow-e2e-")
        self.loop = loop
        self.said = ""
        configuration = os.path.join(self.folder.name, "board.ini")
        lines = ["[pipeline]", "name = board", f"output = {self.folder.name}", "[collector board]", "plugin = serial"]
        lines += [f"{key} = {value}" for key, value in options.items()]
        lines += ["[format events]", "plugin = json", "mode = lines", "path = events.jsonl"]
        with open(configuration, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        self.process = subprocess.Popen([memflow, "run", configuration, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.fd = self.process.stdout.fileno()
        loop.add(self.fd, self.hear)

    def hear(self, data):
        self.said += data.decode(errors="replace")
        if not data:
            self.loop.remove(self.fd)

    def wait_for(self, words):
        self.loop.until(lambda: words in self.said or self.fd not in self.loop.handlers, f"'{words}'")
        check(words in self.said, f"memflow said not '{words}' but: {self.said}")

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self, status):
        self.loop.until(lambda: self.process.poll() is not None and self.fd not in self.loop.handlers,
                        lambda: f"the end of memflow; it said: {self.said}")
        check_equal(self.process.returncode, status, f"exit status (memflow said: {self.said})")

    def rows(self, kind):
        return [event["row"] for event in self.events(kind)]

    def events(self, kind):
        with open(os.path.join(self.folder.name, "events.jsonl"), encoding="utf-8") as file:
            return [event for event in map(json.loads, file) if event.get("type") == kind]

    def close(self):
        self.loop.remove(self.fd)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()


def run_tests(tests):
    """Prints TAP; the exit status tells whether all passed."""
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        name = re.sub("^test_", "", test.__name__).replace("_", "-")
        try:
            test()
            print(f"ok {number} {name}", flush=True)
        except Failure as why:
            failed += 1
            print(f"not ok {number} {name}\n# " + str(why).replace("\n", "\n# "), flush=True)
    sys.exit(1 if failed else 0)
