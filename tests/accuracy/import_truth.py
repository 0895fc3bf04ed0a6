# SPDX-License-Identifier: Apache-2.0
"""What importing a module takes, by tracemalloc. Runs on CPython 3.8 and later:
import_truth.py FOLDER MODULE BEFORE … imports what is named behind the module first, from FOLDER too unless it is empty, and
prints a Python dict:
left: bytes after collecting garbage; peak; table: tables of interned strings that grew, a part of left; names: new interned
strings of the imported code that are alive, also a part; modules: those that came with it, in order, with their files."""
import _tracemalloc
import gc
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
import load_truth

LEAST_SLOTS = 8192  # of a table of interned strings that grows; namespaces are smaller


def table_sizes():
    """Bytes of the tables that the dict of interned strings may have."""
    recent = sys.version_info >= (3, 11)
    sizes, slots = set(), LEAST_SLOTS
    for _ in range(6):
        header, entry = (32, 16) if recent else (40, 24)
        sizes.add(header + slots * (2 if slots < 65536 else 4) + slots * 2 // 3 * entry)
        slots *= 2
    return sizes


def made_by_import(text):
    """Not before tracing began, and not by new_names, which makes again what had died."""
    trace = _tracemalloc._get_object_traceback(text)
    return trace is not None and trace[0][0] != load_truth.__file__


def new_names(files):
    """Bytes of interned strings that the import made and that live. Loading the code again finds them."""
    texts = {}
    for name in files:
        with open(name, "rb") as file:
            data = file.read()[16:]
        one, other = load_truth.loads(data)[0][:2]
        texts.update((id(text), text) for text in load_truth.shared_texts(one, other))
    return sum(sys.getsizeof(text) for text in texts.values() if not load_truth.is_single(text) and made_by_import(text))


def compiled(name):
    return getattr(sys.modules[name], "__cached__", None)


def held_names(modules):
    """Bytes of file names that only tracemalloc holds, for modules of which no function is left."""
    code = type(held_names.__code__)
    alive = {thing.__code__.co_filename for thing in gc.get_objects() if isinstance(getattr(thing, "__code__", None), code)}
    traced_in = {trace[2][0][0] for trace in _tracemalloc._get_traces()}
    files = [getattr(sys.modules[name], "__file__", None) for name in modules]
    return sum(sys.getsizeof(file) for file in files if file in traced_in and file not in alive)


def take(action, of):
    """What it left and had at most, with what this reading itself takes."""
    base = _tracemalloc.get_traced_memory()[0]
    action(of)
    peak = _tracemalloc.get_traced_memory()[1] - base
    gc.collect()
    return _tracemalloc.get_traced_memory()[0] - base, peak


def grow_tables():
    """Tables that everybody shares grow once in a while, with no module of its own: sys.modules, and what object and Exception
    know of their subclasses. They are made large before."""
    fillers = [f" {number}" for number in range(400)]
    sys.modules.update(dict.fromkeys(fillers))
    for filler in fillers:
        del sys.modules[filler]
    for base in object, Exception:
        classes = [type("Filler", (base,), {}) for _ in range(400)]
        del classes
    gc.collect()


def measure(module, before):
    for name in before:
        __import__(name)
    grow_tables()
    known = set(sys.modules)
    held = load_truth.empty_free_lists()
    gc.enable()
    _tracemalloc.start(1)
    ballast = bytes(1000)  # readings are no small ints, which are there already
    readings = [take(bytes, 1000), take(bytes, 1000), take(bytes, 1000)]  # the first ones find memory of their own
    idle = readings[-1][0]
    left, peak = take(__import__, module)
    sizes = table_sizes()
    table = sum(trace[1] for trace in _tracemalloc._get_traces() if trace[1] in sizes)
    modules = [name for name in sys.modules if name not in known]
    files = {name: compiled(name) for name in modules}
    del held, ballast
    return {"left": left - idle - held_names(modules), "peak": peak, "table": table,
            "names": new_names([file for file in files.values() if file]), "modules": files}


if __name__ == "__main__":
    if sys.argv[1]:
        sys.path.insert(0, sys.argv[1])
    print(measure(sys.argv[2], sys.argv[3:]))
