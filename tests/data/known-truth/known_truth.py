#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs whose allocations are known exactly (CPython 3.8+, 64-bit).

usage: known_truth.py [T1 T2 ...]        without an argument: all

Every program runs once in warm_up() and once in measured(). The expectations in known-truth.md are for
the events whose Python stack contains the function `measured`.
"""
import ctypes
import gc
import struct
import sys


def t1():
    for i in range(1000):
        bytes(1000)


def t2():
    for i in range(500):
        bytearray(4096)


def t3():
    s = 'a' * 10
    for i in range(100):
        s * 100


def t4():
    l = []
    for i in range(1000):
        l.append(None)


def t5():
    for i in range(100):
        [None] * 2000


class Slots:
    __slots__ = ('a', 'b', 'c')


def t6():
    return [Slots() for i in range(1000)]


def t7():
    for i in range(100):
        1 << 30000


def t8():
    return [tuple([i] * 50) for i in range(100)]


RECORD = struct.Struct('100s')


def t9():
    for i in range(1000):
        RECORD.pack(b'x')


def domain(prefix):
    """malloc, calloc, realloc, free of one allocator domain, called through the C API."""
    api = ctypes.pythonapi
    p, n = ctypes.c_void_p, ctypes.c_size_t
    out = []
    for name, result, args in (('Malloc', p, (n,)), ('Calloc', p, (n, n)), ('Realloc', p, (p, n)), ('Free', None, (p,))):
        f = getattr(api, prefix + name)
        f.restype = result
        f.argtypes = args
        out.append(f)
    return out


DOMAINS = [domain(x) for x in ('PyMem_Raw', 'PyMem_', 'PyObject_')]


def t10():
    for malloc, calloc, realloc, free in DOMAINS:
        p = malloc(777)
        p = realloc(p, 1777)
        p = realloc(p, 77)
        free(p)
        p = calloc(1, 2777)
        free(p)


def t16():
    d = {}
    for i in range(1000):
        d[i] = None


PROGRAMS = {'T1': t1, 'T2': t2, 'T3': t3, 'T4': t4, 'T5': t5, 'T6': t6, 'T7': t7, 'T8': t8, 'T9': t9, 'T10': t10, 'T16': t16}


def warm_up(program):
    program()


def measured(program):
    return program()


def main():
    unknown = [name for name in sys.argv[1:] if name not in PROGRAMS]
    if unknown:
        sys.exit(__doc__ + '\nprograms: ' + ' '.join(PROGRAMS))
    gc.disable()
    for name in sys.argv[1:] or PROGRAMS:
        warm_up(PROGRAMS[name])
        measured(PROGRAMS[name])


if __name__ == '__main__':
    main()
