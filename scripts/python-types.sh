#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# python-types.sh COMPILER INCLUDE OBJECT: debug information of CPython's types for another machine, for scripts/python-offsets.py, where
# no interpreter with debug information is to be had. INCLUDE is the include/python3.x of an installation on x86-64 (3.8 or later);
# COMPILER is of a machine with 32 bits, such as arm-linux-gnueabihf-gcc.
set -eu
[ $# = 3 ] || { sed -n 3,5p "$0"; exit 2; }
compiler=$1 include=$2 object=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r "$include/." "$folder"
size () { printf '_Static_assert (sizeof (%s) == %s, "");' "$1" "$2" | "$compiler" -x c -fsyntax-only - 2> /dev/null; }
long_double=8
for bytes in 12 16; do if size "long double" "$bytes"; then long_double=$bytes; fi; done
sed -i -E "s/^(#define (SIZEOF|ALIGNOF)_(LONG|VOID_P|SIZE_T|UINTPTR_T|PTHREAD_T|TIME_T)) .*/\1 4/
  s/^(#define SIZEOF_LONG_DOUBLE) .*/\1 $long_double/; /^#define HAVE_GCC_UINT128_T/d" "$folder/pyconfig.h"
"$compiler" -g -c -w -DPy_BUILD_CORE=1 "-I$folder" "-I$folder/internal" -x c -o "$object" - << 'END'
#include "Python.h"
#include "frameobject.h"
#if PY_MINOR_VERSION >= 11
#include "internal/pycore_frame.h"
struct _PyInterpreterFrame *frame;
#endif
#if PY_MINOR_VERSION >= 9
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"
#else
#include "internal/pycore_pystate.h"
#endif
#if PY_MINOR_VERSION >= 12
#include "internal/pycore_obmalloc.h"
struct _obmalloc_state *allocator;
#endif
#if PY_MINOR_VERSION == 11 || PY_MINOR_VERSION == 12
_PyCFrame *c_frame;
#elif PY_MINOR_VERSION == 10
CFrame *c_frame;
#endif
_PyRuntimeState *runtime;
PyInterpreterState *interpreter;
PyThreadState *thread;
PyFrameObject *frame_object;
PyCodeObject *code;
PyVarObject *variable;
PyASCIIObject *ascii;
PyCompactUnicodeObject *compact;
PyBytesObject *bytes_object;
PyObject *plain_object;
PyTypeObject *type_object;
END
