# SPDX-License-Identifier: Apache-2.0
"""Objects that are kept alive in all the ways there are; says where the one is that nothing leads to, and waits."""
import sys


class Session:
    def __init__(self, number):
        self.number = number
        self.peer = None


class Slotted:
    __slots__ = ("one", "two")


class Holder:
    table = {}


CACHE = {}
for at in range(50):
    CACHE["k%d" % at] = Session(at)
ITEMS = [Session(100 + at) for at in range(5)]
CACHE["k0"].peer = Session(999)
Holder.table[7] = (1, [Session(7)])
SLOT = Slotted()
SLOT.two = Session(5)
SET = {1, 2, Session(4)}
del at


def deep():
    shared = [None, Session(77)]
    loop = Session(78)
    loop.peer = loop
    print(id(loop), id(shared[1]), flush=True)
    del loop
    nested = {"a": [{"b": Session(88)}]}

    def inner():
        return shared

    sys.stdin.readline()
    return inner, nested


deep()
