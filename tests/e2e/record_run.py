# SPDX-License-Identifier: Apache-2.0
"""What the tests of memflow-record share: record a program, read the capture back, receive one."""
import json
import re
import socket
import threading
import time

from hooks_run import HooksTest

CONFIGURATION = """[pipeline]
name = %s
output = %s
[collector program]
plugin = %s
%s
[format events]
plugin = json
mode = lines
path = events.jsonl
"""
FIXED = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}  # the same calls each time
SAID = re.compile(r"(\d+) calls of \d+ threads? in \S.* \(\d+ bytes\), (\d+) lost")


class Proxy:
    """A port that leads to another one; cutting it closes what goes through and lets nobody in until it is mended."""

    def __init__(self, target):
        self.target, self.pairs, self.moved, self.is_cut, self.is_open = target, [], 0, False, True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.is_open:
            try:
                near, _ = self.listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                continue
            self.pairs.append((near, far))
            for one, other in (near, far), (far, near):
                threading.Thread(target=self.move, args=(one, other, one is near), daemon=True).start()

    def move(self, one, other, counts):
        try:
            while data := one.recv(4096):
                other.sendall(data)
                self.moved += len(data) if counts else 0
        except OSError:
            pass
        for end in one, other:
            end.close()

    def cut(self):
        self.is_cut = True
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.is_cut = False

    def close(self):
        self.is_open = False
        self.cut()
        self.listener.close()


class RecordTest(HooksTest):
    def setUp(self):
        super().setUp()
        (self.folder / "read.ini").write_text(CONFIGURATION % ("read", "read", "replay", ""))

    def start_recorder(self, *words, **options):
        return self.start("record", *words, **options)

    def recorded(self, *words, status=0, environment=None, **options):
        """Records to the end; what was said about calls and losses stands in self.said."""
        run = self.memflow("record", *words, environment=FIXED | (environment or {}), **options)
        self.assert_run(run, status)
        self.take_said(run.stderr)
        return run

    def take_said(self, text):
        match = SAID.search(text)
        self.said = tuple(map(int, match.groups())) if match else (0, 0)

    def read(self, capture="app.mfc", status=0):
        """The events of a capture, as a later run sees them."""
        run = self.memflow("run", "read.ini", capture)
        self.assert_run(run, status)
        self.take_events(self.folder / "read/events.jsonl")
        return run

    def check_complete(self):
        self.assertEqual(self.others["core.run"][-1]["outcome"], "complete")
        self.assertEqual(self.lost(), 0)
        self.assertEqual(self.others["input.damage"], [])

    def check_accounts(self):
        """What the recorder said, what the capture holds, and what it says to be missing are one truth."""
        lost = sum(row["count"] for row in self.others["core.lost"] if row["type"] == "alloc.event")
        self.assertEqual((len(self.events), lost), self.said)

    def wait_until(self, condition):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, "it never happened")
            time.sleep(0.01)

    # ---- receiving

    def listen(self, *options, at=None, environment=None):
        """A running `memflow run` that waits for a recorder; its port is self.port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        settings = "\n".join([f"listen = {at or f'127.0.0.1:{self.port}'}", *options])
        (self.folder / "live.ini").write_text(CONFIGURATION % ("live", "live", "hooks", settings))
        receiver = self.start("run", "live.ini", environment=environment)
        self.await_listener(at)
        return receiver

    def await_listener(self, at):
        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return True
            except ConnectionRefusedError:
                return False
        self.wait_until(answers if not at else (self.folder / at.removeprefix("unix:")).exists)

    def received(self, receiver, status=0):
        """Waits for the end of the receiver: its events stand in self.events. Returns what it said."""
        said = receiver.communicate(timeout=60)[1].decode()
        self.assertEqual(receiver.returncode, status, said)
        self.take_events(self.folder / "live/events.jsonl")
        return said
