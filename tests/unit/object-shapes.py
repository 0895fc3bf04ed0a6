# SPDX-License-Identifier: Apache-2.0
# Random shapes, made by every CPython that is installed and priced by the object model: sys.getsizeof and the bytes that
# tracemalloc saw requested must be equal. Usage: object-shapes.py PRICE-PROGRAM [SEED]
import glob
import os
import random
import subprocess
import sys

SHAPES = 400
EXACT, APPENDED, FROM_SIZED, EXTENDED, FROM_ITERATOR, COPIED, CALLED = range(7)
HAS_DICT, HAS_WEAKREF, DICT_READ = 2, 4, 8
SKIPPED = 77

# Runs in the interpreter under test: an expression a line, answered by getsizeof and requested bytes, the mean of K.
PROBE = r"""
import sys, gc, _tracemalloc, array, collections
K = 16
chars = ['a', '\xe9', '\u20ac', '\U0001f600']
names = ['key%d' % i for i in range(2000)]
numbers = list(range(2000))
def measure(make):
    warm = [make() for i in range(48)]
    gc.collect()
    kept, before = [None] * K, [make(), make()]  # what temporaries of a call need is in the free lists now
    _tracemalloc.start(1)
    for i in range(K): kept[i] = make()
    traces = _tracemalloc._get_traces()
    _tracemalloc.stop()
    sizes = {}
    for trace in traces: sizes[trace[1]] = sizes.get(trace[1], 0) + 1
    return sys.getsizeof(kept[-1]), sum(size * (n // K) for size, n in sizes.items())
print(sys.version_info[1], sys.version_info[2], 8 if sys.maxsize > 2**32 else 4, flush=True)
gc.disable()
def append(make, n, item, name):
    o = make()
    f = getattr(o, name)
    for i in range(n): f(item(i))
    return o
def insert(n, keys):
    d = {}
    for i in range(n): d[keys[i]] = None
    return d
def instance(n, slots):
    body = 'class C:\n'
    if slots: body += ' __slots__ = %r\n' % (['s%d' % i for i in range(slots)],)
    body += ' def __init__(self):\n  pass\n' + ''.join('  self.a%d = None\n' % i for i in range(n))
    space = {}
    exec(body, space)
    return space['C']
for line in sys.stdin:
    print(*measure(eval('lambda: ' + line) if not line.startswith('!') else eval(line[1:])), flush=True)
"""


def shape(rng):
    """An expression for the probe, and the model's shape: type, made, length, capacity, text, keys, item, flags, base,
    slots, nth."""
    n = int(rng.choice([rng.randrange(0, 12), rng.randrange(0, 100), rng.randrange(0, 1500)]))
    kind = rng.randrange(16)

    def of(expression, name, made=EXACT, length=n, text=0, keys=0, item=0, flags=0, slots=0):
        return expression, f"{name} {made} {length} 0 {text} {keys} {item} {flags} object {slots} 0"

    if kind == 0:
        return of(f"[None] * {n}", "list")
    if kind == 1:
        return of(f"append(list, {n}, bool, 'append')", "list", APPENDED)
    if kind == 2:
        return of(f"list(names[:{n}])", "list", FROM_SIZED)
    if kind == 3:
        return of(f"sorted(names[:{n}])", "list", EXTENDED)
    if kind == 4:
        return of(f"list(x for x in names[:{n}])", "list", FROM_ITERATOR)
    if kind == 5:
        return of(f"tuple(names[:{n}])", "tuple")
    if kind == 6:
        text = rng.randrange(4)
        return of(f"chars[{text}] * {n + 2}", "str", length=n + 2, text=text)
    if kind == 7:
        return of(f"bytes({n + 2})", "bytes", length=n + 2)
    if kind == 8:
        return of(f"bytearray({n})", "bytearray")
    if kind == 9:
        return of(f"append(bytearray, {n}, bool, 'append')", "bytearray", APPENDED)
    if kind == 10:
        return of(f"insert({n}, names)", "dict", APPENDED)
    if kind == 11:
        return of(f"insert({n}, numbers)", "dict", APPENDED, keys=1)
    if kind == 12:
        return of(f"append(set, {n}, numbers.__getitem__, 'add')", "set", APPENDED)
    if kind == 13:
        code, width = rng.choice([("b", 1), ("i", 4), ("d", 8)])
        return of(f"append(lambda: array.array('{code}'), {n}, bool, 'append')", "array.array", APPENDED, item=width)
    if kind == 14:
        return of(f"append(collections.deque, {n}, bool, 'append')", "deque", APPENDED)
    n %= 40
    slots = rng.choice([0, 0, n])
    return (f"!instance({0 if slots else n}, {slots})",
            f"*instance 0 {0 if slots else n} 0 0 0 0 {0 if slots else HAS_DICT | HAS_WEAKREF} object {slots} 0")


def interpreters():
    given = os.environ.get("MEMFLOW_INTERPRETERS")
    found = given.split(":") if given else glob.glob("/usr/bin/python3.[0-9]*") + glob.glob(
        os.path.expanduser("~/.pyenv/versions/*/bin/python3"))
    return sorted({os.path.realpath(path) for path in found if not path.endswith("config")})


def check(python, program, rng):
    shapes = [shape(rng) for _ in range(SHAPES)]
    lines = "".join(expression + "\n" for expression, _ in shapes)
    answer = subprocess.run([python, "-c", PROBE], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    if not 8 <= int(answer[0].split()[0]) <= 15:
        return 0
    asked = "".join(f"{answer[0]} {model}\n" for _, model in shapes)
    priced = subprocess.run([program], input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
    wrong = [(e, m, p) for (e, _), m, p in zip(shapes, answer[1:], priced, strict=True) if m != p]
    for expression, measured, model in wrong:
        print(f"# {python}: {expression}: measured {measured}, model {model}")
    print(f"# measured wrong-of-{SHAPES} {len(wrong)} shapes <= 0 ({python}, 3.{answer[0]})")
    return len(wrong)


def main():
    program, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    found = interpreters()
    if not found:
        print("# no CPython found: set MEMFLOW_INTERPRETERS")
        return SKIPPED
    return 1 if sum(check(python, program, random.Random(seed)) for python in found) else 0


sys.exit(main())
