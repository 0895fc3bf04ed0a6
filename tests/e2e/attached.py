# SPDX-License-Identifier: Apache-2.0
"""What the tests of the collector ptrace share: a running process, and what memflow tells of it."""
import json
import os
import re
import subprocess
import time

from end_to_end import SOURCE, EndToEnd

# What a program keeps alive, and the ways to it; "" = none.
KEPT_OBJECTS = SOURCE / "tests/programs/kept-objects.py"
WAYS = {"__main__.CACHE['k0']": 50, "__main__.ITEMS[0]": 5, "__main__.CACHE['k0'].peer": 1, "__main__.Holder.table[7][1][0]": 1,
        "__main__.SLOT.two": 1, "__main__.SET.<member>": 1, "deep().shared[1]": 1, "deep().nested['a'][0]['b']": 1, "": 1}

FIGURES = {"used": "# bytes in allocated blocks", "available": "# bytes in available blocks",
           "headers": "# bytes lost to pool headers", "quantization": "# bytes lost to quantization",
           "alignment": "# bytes lost to arena alignment", "arenas": "# arenas allocated current"}

# Threads that wait in known places when all have come to the barrier `ready`; stack () says where a frame is.
THREADS = """
import json, sys, threading
go, threads, ready = threading.Event(), [], threading.Barrier(5)
def wait():
    ready.wait()
    go.wait()
def deep(n):
    return deep(n - 1) if n else wait()
def generator(n):
    if n:
        yield from generator(n - 1)
    else:
        wait()
        yield 1
class Key:
    def __init__(self, n):
        self.n = n
    def __lt__(self, other):
        wait()
        return self.n < other.n
def start(function, *arguments):
    threads.append(threading.Thread(target=function, args=arguments, daemon=True))
    threads[-1].start()
start(deep, 60)
start(lambda: next(generator(5)))
start(lambda: sorted([Key(2), Key(1)]))
start(lambda: exec("def in_exec():\\n\\n  wait()\\nin_exec()", globals()))
def stack(frame):
    while frame:
        code = frame.f_code
        yield [getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno]
        frame = frame.f_back
"""


class AttachTest(EndToEnd):
    def target(self, python, *words, stderr=subprocess.DEVNULL):
        process = subprocess.Popen([python, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def look(self, process, *options, length="200ms", status=0):
        sets = [word for option in options for word in ("--set", f"target.{option}")]
        run = self.memflow("run", "configs/attach.ini", "--for", length, "--set", f"target.pid={process.pid}", *sets)
        self.assert_run(run, status)
        self.rows = {}
        lines = (self.folder / "reports/attach.jsonl").read_text().splitlines() if status == 0 else []
        for event in map(json.loads, lines):
            self.rows.setdefault(event["type"], []).append(event["row"] | {"epoch": event["epoch"], "input": event["input"]})
        self.samples = self.rows.get("process.sample", [])
        return run

    @staticmethod
    def stack_of(row):
        return [[frame["function"], frame["file"], frame["line"]] for frame in row["stack"] or []]

    @staticmethod
    def figures_of_python(process):
        """What sys._debugmallocstats() printed: rows of (size, pools, used, available), and the totals by name."""
        text, number = "", lambda word: int(word.replace(",", ""))
        while "arena map counts" not in text and "free PyDictObjects" not in text and "lost to arena alignment" not in text:
            text += process.stderr.readline()
        classes = [tuple(map(int, row)) for row in re.findall(r"^ +\d+ +(\d+) +(\d+) +(\d+) +(\d+)$", text, re.M)]
        totals = {name: number(re.search(rf"^{title} += +([\d,]+)$", text, re.M).group(1)) for name, title in FIGURES.items()}
        return classes, totals | {"empty_pools": number(re.search(r"^([\d,]+) unused pools", text, re.M).group(1))}

    # ---- why objects are alive

    def keep_objects(self, *python):
        process = self.target(*python, str(KEPT_OBJECTS))
        self.cycle, self.shared = map(int, process.stdout.readline().split())
        # the line is read when its function goes on to wait: a moment later it does
        time.sleep(0.1)
        return process

    def ask_why(self, process, *alive, options=()):
        sets = [word for option in (f"alive={', '.join(alive)}", *options) for word in ("--set", f"target.{option}")]
        run = self.memflow("run", "configs/attach-alive.ini", "--for", "200ms", "--set", f"target.pid={process.pid}", *sets)
        self.assert_run(run, 0)
        document = json.loads((self.folder / "reports/attach-alive.json").read_text())
        rows = (event["row"] for event in document["events"] if event["type"] == "object.chain")
        self.chains = [row | {"way": row["way"] or ""} for row in rows]
        return run

    def check_ways(self, process):
        self.ask_why(process, "Session")
        self.assertEqual({row["way"]: row["count"] for row in self.chains}, WAYS)
        self.assertEqual({row["way"]: row["state"] for row in self.chains}, {way: "holds" if way else "no-way" for way in WAYS})

    def check_c_heap(self, process):
        """That of tests/programs/c-heap.c, which says what mallinfo2() says and stops."""
        names = ("arena", "free_chunks", "fast_chunks", "mapped_chunks", "mapped", "fast", "used", "free", "top")
        expected = dict(zip(names, map(int, process.stdout.readline().split())))
        os.waitpid(process.pid, os.WUNTRACED)
        run = self.look(process, "heap=once", "c-heap=yes", "when-full=block", "interval=1s")
        told, = self.rows["glibc.total"]
        self.assertEqual({name: told[name] for name in names}, expected)
        self.assertEqual(told["arenas"], 4)
        self.assertEqual(sum(row["size"] for row in self.rows["heap.block"]), told["arena"])
        self.assertGreater(told["fast_chunks"], 20)
        return run
