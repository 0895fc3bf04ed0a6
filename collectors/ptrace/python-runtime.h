// SPDX-License-Identifier: Apache-2.0
// The Python in a process: where its runtime state is, which version, and how that is known.
#pragma once

#include "elf-image.h"
#include "process.h"
#include "python-offsets.h"

typedef enum {
  MF_PYTHON_ERROR_NONE,      // no Python is loaded
  MF_PYTHON_ERROR_NO_FILE,   // its program or library is not at hand, which a core file leaves out
  MF_PYTHON_ERROR_VERSION,   // one that is not known
  MF_PYTHON_ERROR_FREE_THREADED,
  MF_PYTHON_ERROR_NOT_READY, // it has not been initialized yet, or is being finalized
  MF_PYTHON_ERROR_LAYOUT     // it does not look as its version should
} MfPythonErrorCode;
#define MF_PYTHON_ERROR (mf_python_error_quark ())
GQuark mf_python_error_quark (void);

typedef struct {
  MfPythonOffsets offsets;
  MfElfImage *image;    // the file with the interpreter in it
  char *path;           // as the process sees it
  uint64_t state;       // of _PyRuntime
  uint32_t version;     // 0x030b02f0; the parts that are not known are 0
  bool told;            // the offsets are the interpreter's own
} MfPythonRuntime;

// Finds the interpreter of a process. False = the error says why. Clear in any case.
bool mf_python_runtime_find (MfProcess *process, MfPythonRuntime *runtime, GError **error);
void mf_python_runtime_clear (MfPythonRuntime *runtime);

// The interpreter behind another one, or the first (`before` 0). 0 = there are no more.
uint64_t mf_python_next_interpreter (const MfProcess *process, const MfPythonRuntime *runtime, uint64_t before);
