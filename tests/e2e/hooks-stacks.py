# SPDX-License-Identifier: Apache-2.0
"""Deep Python stacks that change in their middle, on each interpreter that is here: each recorded stack against what
the program itself sees at that moment."""
import ast
import unittest

from hooks_run import HooksTest
from pythons import debian, of_pyenv

# mark() allocates a block of a size of its own and notes its callers, with the lines they are on.
PROGRAM = """
import sys, _thread
expected, lock, drawn = [], _thread.allocate_lock(), 7
def draw(below):
    global drawn
    drawn = drawn * 69069 + 1 & 0xffffffff
    return (drawn >> 16) % below
def mark():
    with lock:
        number = len(expected)
        expected.append(sys._getframe(1))
        bytes(50000 + number)
        frame, callers = expected[number], []
        while frame:
            code = frame.f_code
            callers += getattr(code, "co_qualname", code.co_name), frame.f_lineno
            frame = frame.f_back
        expected[number] = callers
def at(depth, what):
    if depth:
        return at(depth - 1, what) if depth % 3 else sideways(depth - 1, what)
    return what()
def sideways(depth, what):
    return sorted([0], key=lambda nothing: at(depth, what))
def inner():
    while True:
        mark()
        yield
        at(2, mark)
        yield
def outer():
    yield from inner()
def resume():
    return next(generators[draw(4)])
def throw():
    raise LookupError
def catch():
    try:
        at(draw(9), throw)
    except LookupError:
        mark()
    mark()
def both():
    mark(); mark()
    at(3, mark)
class Closing:
    def __del__(self): mark()
def close():
    Closing()
def some(n):
    for i in range(n):
        at(draw(20), (mark, resume, catch, both, close)[draw(5)])
generators = [outer() for i in range(4)]
some(30)
sys.setswitchinterval(1e-5)
done = [_thread.allocate_lock() for n in range(3)]
for one in done: one.acquire()
def alone(n):
    mine = inner()
    for i in range(8):
        at(i, lambda: next(mine))
    done[n].release()
for n in range(3): _thread.start_new_thread(alone, (n,))
for one in done: one.acquire()
print(expected)
"""


class HooksStacks(HooksTest):
    def run_on(self, python):
        run = self.record(*python.command, self.script(PROGRAM))
        self.assertEqual(self.lost(), 0)
        expected = ast.literal_eval(run.stdout)
        self.assertGreater(len(expected), 60)
        frames = {event.size - 33 - 50000: event.frames for event in self.events if event.functions[:1] == ["mark"]}
        for number, callers in enumerate(expected):
            seen = [word for frame in frames[number][1:] for word in (frame["function"], frame["line"])]
            self.assertEqual(seen, callers, f"stack {number}")

    def test_each_stack_is_the_true_one(self):
        for python in (debian(), *of_pyenv()):
            with self.subTest(python=python.name):
                self.run_on(python)


if __name__ == "__main__":
    unittest.main()
