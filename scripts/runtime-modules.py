#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes core/model/modules/runtime-modules.inc: what each CPython brings along.

usage: runtime-modules.py PYTHON... > core/model/modules/runtime-modules.inc

One interpreter of each version that is to be covered. A module is 'loaded' when it is there before the first line of a
program (python3 -c, with site), 'native' when it has no bytecode (built in, or an extension module), else 'python'.
"""
import json
import subprocess
import sys

LOOK = r"""
import sys
at_start = sorted(sys.modules)
import importlib.util, json, os
def kind(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return 'native' if name in sys.builtin_module_names else 'python'
    if spec is None:
        return None
    origin = spec.origin or ''
    return 'native' if name in sys.builtin_module_names or origin.endswith('.so') else 'python'
names = getattr(sys, 'stdlib_module_names', None)
if names is None:
    folder = os.path.dirname(os.__file__)
    found = [n.split('.')[0] for f in (folder, os.path.join(folder, 'lib-dynload')) for n in os.listdir(f)
             if n.endswith(('.py', '.so')) or os.path.exists(os.path.join(f, n, '__init__.py'))]
    names = set(found) | set(sys.builtin_module_names)
names = [n for n in names if not n.startswith('_sysconfigdata') and n not in ('site-packages', 'idlelib', 'test')]
rows = {n: kind(n) for n in names}
print(json.dumps([list(sys.version_info[:2]), at_start, {n: k for n, k in rows.items() if k}]))
"""


def main():
    versions = {}
    for python in sys.argv[1:]:
        (major, minor), loaded, kinds = json.loads(subprocess.check_output([python, "-I", "-c", LOOK]))
        loaded = [name for name in loaded if name != "__main__" and not name.startswith(("_distutils_hack", "sitecustomize"))]
        versions[minor] = (set(loaded), kinds)
    names = set().union(*(set(kinds) | loaded for loaded, kinds in versions.values()))
    print("// Written by scripts/runtime-modules.py from CPython 3." + ", 3.".join(map(str, sorted(versions))) + "; do not edit.")
    print("// A bit for each minor version, 3.8 the lowest: loaded at start, native, Python.")
    for name in sorted(names):
        masks = [0, 0, 0]
        for minor, (loaded, kinds) in versions.items():
            bit = 1 << (minor - 8)
            kind = kinds.get(name)
            masks[0] |= bit if name in loaded else 0
            masks[1] |= bit if kind == "native" else 0
            masks[2] |= bit if kind == "python" or (kind is None and name in loaded) else 0
        print('{ "%s", 0x%02x, 0x%02x, 0x%02x },' % (name, *masks))


main()
