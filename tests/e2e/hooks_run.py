# SPDX-License-Identifier: Apache-2.0
"""What the tests of the collector hooks share: run a program, read the events that came out."""
import collections
import functools
import json
import re
from pathlib import Path

from end_to_end import EndToEnd

CONFIGURATION = """[pipeline]
name = hooks
output = out
[collector program]
plugin = hooks
[format events]
plugin = json
mode = lines
path = events.jsonl
"""
# What tracemalloc counts as live is what it was told since it started: the same blocks, followed by address. Its own
# records are blocks of the raw domain, which it does not count and the program does not use.
TRACEMALLOC = """
import gc, json, sys, tracemalloc
gc.disable()
def marker(n):
    return bytes(n)
def load():
    kept = [[i, str(i), {i: bytearray(i)}] for i in range(2000)]
    kept += [json.loads('{"a": [1, 2, {"b": "%d"}]}' % i) for i in range(500)]
    return kept
tracemalloc.start(1)
marker(100001)
kept = load()
marker(100002)
live = tracemalloc.get_traced_memory()[0]
print(live)
"""
Event = collections.namedtuple("Event", "op domain address old size functions frames thread process sequence time type")


# A line of an event. Most of a recording are events, and most of their stacks have been seen: only new ones are decoded.
LINE = re.compile(r'\{"type":"alloc.event".*?"row":\{"time":(-?\d+),"address":(?:null|"0x(\w+)"),"old_address":(?:null|"0x(\w+)"),'
                  r'"size":(null|\d+),"granted":[^,]*,"stack":(null|\[.*\]),"object_type":(null|".*"),"process":(\d+),'
                  r'"thread":(\d+),"op":"(\w+)","domain":"(\w+)","sequence":(\d+)\}\}')


@functools.cache
def stack_of(text):
    frames = json.loads(text) or []
    return [frame["function"] for frame in frames], frames


def event_of_line(line):
    match = LINE.match(line)
    if not match:
        return None
    time, address, old, size, stack, kind, process, thread, op, domain, sequence = match.groups()
    names, frames = stack_of(stack)
    return Event(op, domain, int(address, 16) if address else None, int(old, 16) if old else None,
                 None if size == "null" else int(size), names, frames, int(thread), int(process), int(sequence), int(time),
                 json.loads(kind))


def event_of(row):
    return event_of_line(json.dumps({"type": "alloc.event", "row": row}, separators=(",", ":"), ensure_ascii=False))


class HooksTest(EndToEnd):
    def setUp(self):
        super().setUp()
        (self.folder / "hooks.ini").write_text(CONFIGURATION)

    def record(self, *command, options=(), status=0, **more):
        """Runs a command under the collector; its events stand in self.events, all others in self.others."""
        sets = [word for option in options for word in ("--set", f"program.{option}")]
        run = self.memflow("run", "hooks.ini", *sets, "--", *command, **more)
        self.assert_run(run, status)
        self.read_events()
        return run

    def read_events(self):
        self.take_events(self.folder / "out/events.jsonl")

    def take_events(self, path):
        """The lines of a format json: those of events as such, all others by their type."""
        self.events, self.others = [], collections.defaultdict(list)
        with open(path, encoding="utf-8") as file:
            for line in file:
                if event := event_of_line(line):
                    self.events.append(event)
                else:
                    other = json.loads(line)
                    self.assertNotEqual(other.get("type"), "alloc.event", line)
                    self.others[other.get("type")].append(other.get("row"))

    def record_on(self, interpreter, *words, options=(), environment=None, **more):
        return self.record(*interpreter.command, *words, options=(*interpreter.options, *options),
                           environment=interpreter.environment | (environment or {}), **more)

    def script(self, text, name="app.py"):
        path = Path(self.folder / name)
        path.write_text(text)
        return path

    def lost(self):
        return sum(row["count"] for row in self.others["core.lost"])

    def check_tracemalloc(self, interpreter):
        run = self.record_on(interpreter, self.script(TRACEMALLOC))
        self.assertEqual(self.live_between_markers(interpreter.word), int(run.stdout))

    def live_between_markers(self, word):
        """Bytes that the program TRACEMALLOC holds at its second marker of what it has asked for since the first."""
        live, started, head = {}, False, 4 * word + 1  # of a bytes
        for event in self.events:
            if event.size == 100002 + head:
                break
            started |= event.size == 100001 + head
            if event.op in ("free", "realloc"):
                live.pop(event.address if event.op == "free" else event.old, None)
            if event.op in ("alloc", "realloc") and started:
                live[event.address] = event.domain, event.size
        return sum(size for domain, size in live.values() if domain != "raw")
