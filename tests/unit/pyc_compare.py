# SPDX-License-Identifier: Apache-2.0
"""Compares what the reader says of a compiled module (the output of pyc-dump) with what its interpreter says."""
import json
import struct
import subprocess

NUMBERS = ("argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize", "flags", "firstlineno")


class Different(Exception):
    pass


def equal(actual, expected, what):
    if actual != expected:
        raise Different(f"{what}: read {ascii(actual)[:200]}, expected {ascii(expected)[:200]}")


def text(digits):
    return digits if digits is None else bytes.fromhex(digits).decode("utf-8", "surrogatepass")


def real(digits):
    return struct.unpack(">d", bytes.fromhex(digits))[0]


def integer(value, bits):
    if isinstance(value, list):
        sign, *digits = value
        value = 0
        for digit in digits:
            value = value << 15 | digit
        value *= sign
    equal(bits, value.bit_length(), "bits")
    return value


def characters(value, length, highest, _interned):
    value = text(value)
    equal((length, highest), (len(value), max(map(ord, value), default=0)), "measure of a text")
    return value


LEAVES = {"NoneType": lambda: None, "ellipsis": lambda: ..., "bool": bool, "bytes": bytes.fromhex, "float": real,
          "complex": lambda r, i: complex(real(r), real(i)), "int": integer, "str": characters}


def is_said(value, said):
    """Older truths have integers in decimal; long texts and numbers stand there only by their length."""
    if "u" in said:
        equal(value, text(said["u"]), "value")
        return
    if "len" in said:
        equal(len(repr(value)), said["len"], "length of its repr")
    shown = said["r"]
    if shown is None or said.get("len", 0) >= 400:
        return
    if said["t"] == "int":
        equal(value, int(shown, 0), "value")
    else:
        equal(value if said["t"] == "str" else repr(value), json.loads(shown) if said["t"] == "str" else shown, "value")


def restate(value):
    """A constant as a truth would have it, to order the items of sets."""
    kind, *rest = value
    if kind in ("tuple", "frozenset"):
        return {"t": kind, "items": [restate(item) for item in rest]}
    if kind == "str":
        return {"t": kind, "u": rest[0]}
    return {"t": kind, "r": repr(LEAVES[kind](*rest))}


def order(said):
    """Equal for equal constants, however their truth is written."""
    shown = said.get("r")
    if said["t"] == "int" and shown is not None:
        shown = repr(int(shown, 0))
    if said["t"] == "str":
        shown = said["u"] if "u" in said else json.loads(shown).encode("utf-8", "surrogatepass").hex()
    return said["t"], str(shown), [order(item) for item in said.get("items", ())]


def compare_constant(value, said, codes):
    kind, *rest = value
    equal(kind, said["t"], "type")
    if kind == "code":
        equal(text(codes[rest[0]]["name"]), said["name"], "code object")
    elif kind == "slice":
        equal(repr(slice(*(LEAVES[part[0]](*part[1:]) for part in rest))), said["r"], "slice")
    elif kind in ("tuple", "frozenset"):
        equal(len(rest), len(said["items"]), "items")
        items = said["items"]
        if kind == "frozenset":
            rest = sorted(rest, key=lambda item: order(restate(item)))
            items = sorted(items, key=order)
        for item, one in zip(rest, items):
            compare_constant(item, one, codes)
    else:
        is_said(LEAVES[kind](*rest), said)


def merged(ranges):
    lines = []
    for start, end, line, *_ in ranges:
        if start == end:
            continue
        if lines and lines[-1][2] == line:
            lines[-1][1] = end
        else:
            lines.append([start, end, line])
    return lines


def instructions(entries):
    for at, number, name, argument, has_argument, target, _line, problem, _size, _first in entries:
        equal(problem, 0, f"problem at {at}")
        entry = [at, number, name, argument if has_argument else None]
        yield entry if target < 0 else [*entry, target]


def compare_lines(read, said):
    lines = merged(read["lines"])
    equal(lines, merged(said["lines"]), "lines")
    equal([read["bad_lines"], read["bad_exc"]], [0, 0], "malformed tables")
    starts = {start: line for start, end, line in lines for start in range(start, end, 2)}
    equal([entry[6] for entry in read["ins"]], [starts.get(entry[0]) for entry in read["ins"]], "lines of instructions")
    if "positions" in said:
        positions = [[line, last, column, end] for start, stop, line, last, column, end in read["lines"]
                     for _ in range(start, stop, 2)]
        equal(positions, said["positions"], "positions")
        equal(read["exc"], [[*entry[:4], int(entry[4])] for entry in said["exc"]], "handlers")


def compare_code(read, said, codes):
    for key_ in NUMBERS:
        equal(read[key_], said[key_], key_)
    for key_ in ("name", "filename", "qualname"):
        equal(text(read[key_]), said.get(key_), key_)
    for key_ in ("varnames", "freevars", "cellvars"):
        equal([text(name) for name in read[key_]], list(said[key_]), key_)
    equal([text(name[1]) for name in read["names"][1:]], list(said["names"]), "names")
    equal(len(read["consts"]) - 1, said["nconsts"], "constants")
    for value, one in zip(read["consts"][1:], said["consts"]):
        compare_constant(value, one, codes)
    for actual, expected in zip(instructions(read["ins"]), said["ins"]):
        equal(actual, expected, "instruction")
    equal(len(read["ins"]), len(said["ins"]), "instructions")
    compare_lines(read, said)


def compare(read, truth):
    """Raises Different; both are documents, one of pyc-dump, one of pyc_truth.py."""
    equal(read.get("error"), None, "error")
    equal((read["magic"], read["flags"], read["trailing"]), (truth["magic"], truth["flags"], 0), "header")
    equal(len(read["codes"]), len(truth["codes"]), "code objects")
    for code, said in zip(read["codes"], truth["codes"]):
        try:
            compare_code(code, said, read["codes"])
        except Different as different:
            raise Different(f"{said['name']}: {different}") from None


def dump(program, paths):
    """One document for each path, in order."""
    with subprocess.Popen([program, *map(str, paths)], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield json.loads(line)
