# SPDX-License-Identifier: Apache-2.0
"""What an interpreter says of its own compiled modules. Runs on CPython 3.8 and later:
pyc_truth.py OUT FOLDER compiles each module below FOLDER to OUT/N.pyc and writes its truth to OUT/N.json."""
import dis
import importlib.util
import json
import marshal
import os
import py_compile
import sys
import types


def constant(value):
    if isinstance(value, types.CodeType):
        return {"t": "code", "name": value.co_name}
    said = {"t": type(value).__name__}
    if isinstance(value, (tuple, frozenset)):
        said["items"] = [constant(item) for item in value]
    elif isinstance(value, str):
        said["u"] = value.encode("utf-8", "surrogatepass").hex()  # JSON would join surrogates
    else:
        said["r"] = hex(value) if type(value) is int else repr(value)
    return said


def instruction(at, op, arg, target):
    entry = [at, op, dis.opname[op], arg]
    return entry if target is None else [*entry, target]


def instructions(code):
    """dis hides EXTENDED_ARG since 3.13 and names specialised forms: the bytes and its tables are asked instead."""
    jumps = set(dis.hasjrel) | set(dis.hasjabs)
    targets = {i.offset: i.argval for i in dis.get_instructions(code) if i.opcode in jumps}
    for at, *_, op, arg in dis._unpack_opargs(code.co_code):
        if dis.opname[op] != "CACHE":
            yield instruction(at, op, arg, targets.get(at))


def line_table(code):
    if hasattr(code, "co_lines"):
        return [list(entry) for entry in code.co_lines()]
    starts = [*dis.findlinestarts(code), (len(code.co_code), None)]
    return [[start, end, line] for (start, line), (end, _) in zip(starts, starts[1:])]


def describe(code):
    said = {key: getattr(code, "co_" + key) for key in (
        "name", "filename", "firstlineno", "argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize",
        "flags", "names", "varnames", "freevars", "cellvars")}
    said["consts"] = [constant(value) for value in code.co_consts]
    said["nconsts"] = len(code.co_consts)
    said["ins"] = list(instructions(code))
    said["lines"] = line_table(code)
    if hasattr(code, "co_qualname"):
        said["qualname"] = code.co_qualname
        said["positions"] = list(code.co_positions())
        said["exc"] = [list(entry) for entry in dis._parse_exception_table(code)]
    return said


def walk(code):
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from walk(value)


def modules(folder):
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "lib2to3", "__pycache__"))
        yield from (os.path.join(path, name) for name in sorted(names) if name.endswith(".py"))


def compile_all(out, folder):
    """Numbers, sources and compiled files of what compiles."""
    number = 0
    for source in filter(os.path.exists, modules(folder)):  # Debian's sitecustomize.py leads out of an unpacked folder
        compiled = os.path.join(out, f"{number}.pyc")
        try:
            py_compile.compile(source, compiled, doraise=True)
        except (py_compile.PyCompileError, ValueError):  # tests of the compiler's own errors
            continue
        yield number, source, compiled
        number += 1


def write_truth(out, number, source, compiled):
    with open(compiled, "rb") as file:
        head, code = file.read(16), marshal.load(file)
    truth = {"source": source, "magic": int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little"),
             "flags": int.from_bytes(head[4:8], "little"), "codes": [describe(one) for one in walk(code)]}
    with open(os.path.join(out, f"{number}.json"), "w") as file:
        json.dump(truth, file)


def main(out, folder):
    sys.setrecursionlimit(10000)
    for one in compile_all(out, folder):
        write_truth(out, *one)


if __name__ == "__main__":
    main(*sys.argv[1:])
