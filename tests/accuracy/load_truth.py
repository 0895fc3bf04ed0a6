# SPDX-License-Identifier: Apache-2.0
"""What marshal.loads takes, by tracemalloc. Runs on CPython 3.8 and later: load_truth.py FILE.pyc … prints a Python dict for
each. It imports nothing that is not there at start, as import_truth.py uses it. Every file is loaded in a process that has loaded none before, so that its names are new there.

first: bytes of the first load; alone: of each later one, when every name exists and free lists are in balance;
names, new_names: bytes of the strings that all loads share, and of those among them that the first load made;"""
import _tracemalloc
import gc
import marshal
import posix
import sys

LOADS = 6
HEADER = 16


def empty_free_lists():
    """Takes what CPython keeps of dead objects for new ones; what it returns must stay alive."""
    gc.collect()
    gc.disable()
    return [[tuple(range(n)) for _ in range(2500)] for n in range(1, 21)], [float(n) for n in range(200)], [[] for _ in range(200)]


def loads(data):
    """The objects of several loads, and what each of them took, with what the measuring itself takes. Readings stay alive: their
    memory must not be what the next load finds."""
    loaded = [None] * LOADS
    readings = [None] * (LOADS + 1)
    readings[0] = _tracemalloc.get_traced_memory()
    for i in range(LOADS):
        loaded[i] = marshal.loads(data)
        readings[i + 1] = _tracemalloc.get_traced_memory()
    return loaded, readings


def measure(data):
    nothing = marshal.dumps(None)
    _tracemalloc.start(1)
    _, idle = loads(nothing)
    loaded, readings = loads(data)
    kept = idle[-1][0] - idle[-2][0]  # of a reading, once none finds anything in free lists
    return loaded, [after[0] - before[0] - kept for before, after in zip(readings, readings[1:])]


FIELDS = ("co_name", "co_qualname", "co_filename", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_consts")


def parts(value):
    if isinstance(value, type(parts.__code__)):
        return [getattr(value, field) for field in FIELDS if hasattr(value, field)]
    if isinstance(value, tuple):
        return list(value)
    return []


def shared_texts(one, other):
    """Strings that two loads have in common, each once: they are interned."""
    texts, seen, pairs = {}, {}, [(one, other)]  # what was seen stays alive, or its address would be another's
    while pairs:
        a, b = pairs.pop()
        if isinstance(a, str) and a is b:
            texts[id(a)] = a
        elif id(a) not in seen:
            seen[id(a)] = a
            pairs += zip(parts(a), parts(b))
        if isinstance(a, frozenset):
            texts.update((id(text), text) for text in a if isinstance(text, str) and any(text is there for there in b))
    return texts.values()


def is_single(text):
    return len(text) == 0 or (len(text) == 1 and ord(text) < 256)


def truth(path):
    with open(path, "rb") as file:
        data = file.read()[HEADER:]
    loaded, took = measure(data)
    made = _tracemalloc._get_object_traceback
    names = [text for text in shared_texts(loaded[0], loaded[1]) if not is_single(text)]
    new = [text for text in names if made(text) is not None]
    alone = max(took[1:], key=took[1:].count)
    return {"file": path, "first": took[0], "alone": alone, "steady": took[1:].count(alone), "n_names": len(names),
            "names": sum(map(sys.getsizeof, names)), "new_names": sum(map(sys.getsizeof, new))}


def main(paths):
    held = empty_free_lists()  # of the children
    for path in paths:
        child = posix.fork()
        if not child:
            print(truth(path), flush=True)
            posix._exit(0)
        if posix.waitpid(child, 0)[1]:
            return f"{path}: the child failed"
    del held
    return 0


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sys.exit(main(sys.argv[1:]))
