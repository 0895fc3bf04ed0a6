# SPDX-License-Identifier: Apache-2.0
"""A program that says of itself what is to be read of it from outside, then stops: its stacks, its objects, both of its heaps."""
import collections
import json
import struct

from attached import THREADS, AttachTest

# Known to the garbage collector without exception; tuples and dicts without references are not.
COUNTED = ("Node", "Slot", "function", "wrapper_descriptor", "method_descriptor", "builtin_function_or_method", "list",
           "member_descriptor", "getset_descriptor", "set", "classmethod", "staticmethod", "module")
PROGRAM = THREADS + """
import collections, ctypes, gc, os, random, time
ready.wait()
time.sleep(PAUSE)
class Node:
    def __init__(self, n): self.n, self.next = n, None
class Slot:
    __slots__ = ("a", "b")
random.seed(7)
mapped = [bytearray(n) for n in (300000, 500000, 1000000)]
kept = [Node(i) for i in range(3000)], [Slot() for i in range(2000)], [[i] for i in range(400)], [{i} for i in range(250)]
kept += [lambda: kept for i in range(300)], [bytes(random.randrange(460)) for i in range(12000)], [bytes(900) for i in range(500)]
for i in range(0, 12000, 3):
    kept[5][i] = None
for i in range(0, 500, 5):
    kept[6][i] = None
frames = sys._current_frames()
frames = {t.native_id: list(stack(frames[t.ident])) for t in threads}
library = ctypes.CDLL(None)
wide = hasattr(library, "mallinfo2")  # glibc 2.33
class Figures(ctypes.Structure):
    _fields_ = [("numbers", (ctypes.c_size_t if wide else ctypes.c_int) * 10)]
mallinfo = library.mallinfo2 if wide else library.mallinfo
mallinfo.restype = Figures
stats, kill, write, process, wanted = sys._debugmallocstats, os.kill, os.write, os.getpid(), COUNTED
def counted():
    counts = collections.Counter()
    for o in gc.get_objects():
        counts[type(o).__name__] += 1
    return json.dumps({"threads": frames, "process": process, "word": ctypes.sizeof(ctypes.c_void_p),
                       "counts": dict(zip(wanted, map(counts.__getitem__, wanted)))})
def say(numbers):
    write(1, bytes(numbers).hex().encode())
    write(1, b"\\n")
counted(), say(mallinfo())  # what is made at the first call is there now
gc.collect()
gc.disable()
print(counted(), flush=True)
say(mallinfo())
stats()
kill(process, 19)
""".replace("COUNTED", repr(COUNTED))
MALLINFO = ("arena", "free_chunks", "fast_chunks", "mapped_chunks", "mapped", None, "fast", "used", "free", "top")


class WitnessTest(AttachTest):
    def hear(self, process):
        """What the program says. It has stopped then, or does so at once."""
        process.stdout.readline()
        self.said = json.loads(process.stdout.readline())
        numbers = bytes.fromhex(process.stdout.readline())
        figures = zip(MALLINFO, struct.unpack("<10" + ("Q" if len(numbers) == 80 else "I"), numbers))
        self.said["mallinfo"] = {name: number for name, number in figures if name}
        self.said["classes"], self.said["figures"] = self.figures_of_python(process)

    def autopsy(self, core, *options, status=0):
        sets = [word for option in options for word in ("--set", f"target.{option}")]
        run = self.memflow("run", "configs/core.ini", "--set", f"target.core={core}", *sets)
        self.assert_run(run, status)
        self.rows = {}
        for event in json.loads((self.folder / "reports/core.json").read_text())["events"]:
            self.rows.setdefault(event["type"], []).append(event["row"])
        return run

    def check_witness(self):
        """That `rows` say the same."""
        seen = {row["thread"]: self.stack_of(row) for row in self.rows["process.sample"]}
        for thread, stack in self.said["threads"].items():
            self.assertEqual(seen[int(thread)], stack)
        self.assertEqual(len(seen), len(self.said["threads"]) + 1)
        classes = [(row["size"], row["pools"], row["used"], row["available"]) for row in self.rows["pymalloc.class"]]
        self.assertEqual(classes, self.said["classes"])
        told, = self.rows["pymalloc.total"]
        self.assertEqual({name: told[name] for name in self.said["figures"]}, self.said["figures"])
        self.assertEqual(told["inconsistent_pools"], 0)
        found = collections.Counter()
        for row in self.rows["object.census"]:  # several types may have one name
            found[row["type"]] += row["count"]
        self.assertEqual({name: found[name] for name in self.said["counts"]}, self.said["counts"])
        told, = self.rows["glibc.total"]
        self.assertEqual({name: told[name] for name in MALLINFO if name}, self.said["mallinfo"])
