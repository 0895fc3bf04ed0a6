# SPDX-License-Identifier: Apache-2.0
"""start-names.py [PYTHON...]: the names that interpreters have from their start, whatever they run: those in the dicts of modules
and types and in the code of functions that site has loaded. Of several interpreters, the names that all of them have, as
core/model/code-cost/start-names.inc has them."""
import subprocess
import sys

ASK = r"""
import sys, types
names, seen = set(), set()
def take(text):
    if isinstance(text, str) and text.isidentifier() and text.isascii():
        names.add(text)
def code(c):
    for group in (c.co_names, c.co_varnames, c.co_freevars, c.co_cellvars, (c.co_name,), c.co_consts):
        for one in group:
            code(one) if isinstance(one, types.CodeType) else take(one)
def space(d, depth):
    for key, value in list(d.items()):
        take(key)
        look(value, depth + 1)
def look(value, depth=0):
    if id(value) in seen or depth > 6:
        return
    seen.add(id(value))
    value = getattr(value, "__func__", value)
    if isinstance(value, types.FunctionType):
        code(value.__code__)
    elif isinstance(value, property):
        for part in (value.fget, value.fset, value.fdel):
            look(part, depth + 1)
    elif isinstance(value, (type, types.ModuleType)):
        space(vars(value), depth)
before = [module for name, module in sys.modules.items() if name not in ("types", "__main__")]
for module in before:
    look(module)
def below(of):
    for one in type.__subclasses__(of):
        if one not in seen and one.__module__ != "types":
            look(one)
            below(one) if id(one) not in done and not done.add(id(one)) else None
done = set()
below(object)
print("\n".join(sorted(names)))
"""


def names_of(python):
    said = subprocess.run([python, "-I", "-S", "-c", "import site\n" + ASK], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def main(pythons):
    names = sorted(set.intersection(*(names_of(python) for python in pythons)))
    line = ""
    for name in names:
        item = f'"{name}", '
        if len(line) + len(item) > 118:
            print(line.rstrip())
            line = ""
        line += item
    print(line.rstrip())


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
