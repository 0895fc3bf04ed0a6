// SPDX-License-Identifier: Apache-2.0
// A module of MicroPython in the form that CPython's have, so that both are analysed by the same
// code.
#pragma once

#include "bytecode/arena.h"
#include "bytecode/mpy.h"

// Code objects with the numbers of MicroPython's functions, whose names, constants and variables
// are those of the module: `consts` and `names` are one tuple for all of them, the variables are
// what MicroPython calls its state. There is no bytecode in them; mf_lower reads that of `mpy`. All
// of it lives in `arena`, and points into `module`. NULL: no memory.
MfPyModule *mf_mpy_as_py (const MfMpyModule *module, MfArena *arena);

// Where a constant of the function stands in `consts`, which None, False and True begin.
uint32_t mf_mpy_const_name (const MfPyCode *code, uint32_t name);
uint32_t mf_mpy_const_child (const MfPyCode *code, uint32_t child);
uint32_t mf_mpy_const_object (const MfPyCode *code, uint32_t object);

// Bits of py/scope.h, as in MfMpyCode.scope_flags.
enum { MF_MPY_GENERATOR = 1, MF_MPY_VARKEYWORDS = 2, MF_MPY_VARARGS = 4 };
