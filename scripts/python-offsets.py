#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python-offsets.py VERSION MACHINE LABEL FILE: the row of collectors/ptrace/python-offsets.inc for an interpreter with debug
information (an unstripped python3 or libpython, or the separate file of a -dbg package, of any architecture). MACHINE is
its constant of elf.h, such as EM_X86_64; LABEL says where the file comes from and becomes the comment of the row. Needs gdb."""
import re
import subprocess
import sys
import textwrap

def offset(kind, *members):
    return [f"(long) &(({kind} *) 0)->{member}" for member in members]


# member of MfPythonOffsets: expressions, of which the first that the debug information understands counts.
RUNTIME, INTERPRETER, THREAD = "_PyRuntimeState", "PyInterpreterState", "PyThreadState"
FRAME, CODE, STATE = "struct _PyInterpreterFrame", "PyCodeObject", "struct _obmalloc_state"
MEMBERS = {
    "interpreters": offset(RUNTIME, "interpreters.head"),
    "interpreter_next": offset(INTERPRETER, "next"),
    "interpreter_id": offset(INTERPRETER, "id"),
    "threads": offset(INTERPRETER, "threads.head", "tstate_head"),
    "obmalloc": offset(INTERPRETER, "obmalloc"),
    "thread_next": offset(THREAD, "next"),
    "thread_interpreter": offset(THREAD, "interp"),
    "frame": offset(THREAD, "current_frame", "frame"),
    "c_frame": offset(THREAD, "cframe"),
    "c_frame_current": offset("_PyCFrame", "current_frame") + offset("CFrame", "current_frame"),
    "pthread": offset(THREAD, "thread_id"),
    "native_thread": offset(THREAD, "native_thread_id"),
    "chunk": offset(THREAD, "datastack_chunk"),
    "chunk_top": offset(THREAD, "datastack_top"),
    "thread_size": [f"sizeof ({THREAD})"],
    "frame_back": offset(FRAME, "previous") + offset("PyFrameObject", "f_back"),
    "frame_code": offset(FRAME, "f_executable", "f_code") + offset("PyFrameObject", "f_code"),
    "frame_instruction": offset(FRAME, "instr_ptr", "prev_instr") + offset("PyFrameObject", "f_lasti"),
    "frame_owner": offset(FRAME, "owner"),
    "frame_size": [f"sizeof ({FRAME})"],
    "code_size": offset("PyVarObject", "ob_size"),
    "file": offset(CODE, "co_filename"),
    "name": offset(CODE, "co_qualname", "co_name"),
    "first_line": offset(CODE, "co_firstlineno"),
    "lines": offset(CODE, "co_linetable", "co_lnotab"),
    "bytecode": offset(CODE, "co_code_adaptive"),
    "text_length": offset("PyASCIIObject", "length"),
    "text_state": offset("PyASCIIObject", "state"),
    "text_ascii": ["sizeof (PyASCIIObject)"],
    "text_compact": ["sizeof (PyCompactUnicodeObject)"],
    "bytes": offset("PyBytesObject", "ob_sval"),
    "type": offset("PyObject", "ob_type"),
    "type_name": offset("PyTypeObject", "tp_name"),
    "type_flags": offset("PyTypeObject", "tp_flags"),
    "arenas": offset(STATE, "mgmt.arenas"),
    "max_arenas": offset(STATE, "mgmt.maxarenas"),
    "pointer": ["sizeof (void *)"],
}
ANSWER = re.compile(r"^@(\w+)\n\$\d+ = (-?\d+)$", re.M)


def values(file):
    """The first expression that is understood counts: later answers for the same name are ignored."""
    words = [word for name, expressions in MEMBERS.items() for expression in expressions
             for word in ("-ex", f"echo @{name}\\n", "-ex", f"print/d {expression}")]
    run = subprocess.run(["gdb", "-nx", "-batch", *words, file], capture_output=True, text=True, check=False)
    found = {}
    for name, number in ANSWER.findall(run.stdout):
        found.setdefault(name, int(number))
    return {name: found.get(name, -1) for name in MEMBERS}


def main(version, machine, label, file):
    row = f"{{ .machine\u00a0=\u00a0{machine}, .version\u00a0= 0x{int(version.split('.')[0]):02x}{int(version.split('.')[1]):02x}, " + ", ".join(
        f".{name}\u00a0=\u00a0{number}" for name, number in values(file).items()) + " },"
    print(f"// {label}")
    print("\n".join(textwrap.wrap(row, 118, subsequent_indent="  ", break_on_hyphens=False)).replace("\u00a0", " "))


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
