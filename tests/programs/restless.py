# SPDX-License-Identifier: Apache-2.0
"""A program whose stacks change all the time, and in which a stack that never was can be told: each line calls one function, and
each function is called from one line. With an argument it prints those calls instead of running."""
import json
import sys
import threading

DEPTH = 18


class Source:
    def __init__(self):
        self.lines, self.calls = [], {}

    def add(self, text, caller=None, callee=None):
        self.lines.append(text)
        if caller:
            self.calls[f"{caller}:{len(self.lines)}"] = callee

    def function(self, name, callees, end="    return 1"):
        self.add(f"def {name}():")
        for callee in callees:
            self.add(f"    {callee}()", name, callee)
        self.add(end)

    def looping(self, name, generator, leaf):
        """Frames of a generator stand elsewhere than those of functions."""
        self.add(f"def {generator}():")
        self.add("    yield 1")
        self.add(f"    {leaf}()", generator, leaf)
        self.add("    yield 2")
        self.add(f"def {name}():")
        self.add(f"    for i in {generator}():", name, generator)
        self.add("        pass")


def make(trees):
    source = Source()
    for tree in trees:
        for i in range(DEPTH):
            names = [f"{tree}{i}_{kind}" for kind in ("short", "quick", "loop", "more")]
            source.function(names[0], [])
            source.function(names[1], [f"{names[1]}_leaf"])
            source.function(f"{names[1]}_leaf", [])
            source.function(f"{names[3]}_leaf", [])
            source.looping(names[2], f"{names[2]}_items", f"{names[3]}_leaf")
            source.function(f"{tree}{i}", [*names[:3], *([f"{tree}{i + 1}"] if i + 1 < DEPTH else []), names[0] + "_again"])
            source.function(names[0] + "_again", [])
        source.add(f"def {tree}():")
        source.add("    while True:")
        source.add(f"        {tree}0()", tree, f"{tree}0")
    # Two trees of one thread in turn, so that all frames of a stack are replaced at once.
    source.add("def both():")
    source.add("    while True:")
    for tree in trees[1:]:
        source.add(f"        {tree}0_in_turn()", "both", f"{tree}0_in_turn")
    for tree in trees[1:]:
        source.function(f"{tree}0_in_turn", [f"{tree}1_in_turn"])
        for i in range(1, DEPTH):
            source.function(f"{tree}{i}_in_turn", [f"{tree}{i + 1}_in_turn", f"{tree}{i}_end"])
            source.function(f"{tree}{i}_end", [])
        source.function(f"{tree}{DEPTH}_in_turn", [])
    return source


if __name__ == "__main__":
    made = make(("a", "b", "c"))
    if len(sys.argv) > 1:
        print(json.dumps(made.calls))
        sys.exit()
    functions = {}
    exec(compile("\n".join(made.lines), "restless", "exec"), functions)
    threading.Thread(target=functions["both"], daemon=True).start()
    print(flush=True)
    functions["a"]()
