// SPDX-License-Identifier: Apache-2.0
// Names of native code, found outside of the program: from the files of its modules, or from those of a copy of the
// device's file system. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct MfNativeSymbols MfNativeSymbols;

// A place in the source. `file` is NULL and `line` 0 without debug information. Texts live as long as the symbols.
typedef struct {
  const char *function, *file;
  uint32_t line;
} MfNativePlace;

typedef enum {
  MF_NATIVE_FOUND,
  MF_NATIVE_NO_FILE,     // the module is not there, or not readable as one
  MF_NATIVE_OTHER_FILE,  // what is there has another build-id
  MF_NATIVE_NO_SYMBOL    // no symbol covers the address: a stripped module
} MfNativeAnswer;

// `sysroot`: folder that stands for the root of the device; NULL or "" = this machine. Never NULL. Separate debug files
// are looked for in .debug beside a module and in usr/lib/debug of the sysroot, by name and by build-id.
MfNativeSymbols *mf_native_symbols_new (const char *sysroot);
void mf_native_symbols_free (MfNativeSymbols *symbols);

// Gives a frame as native-frame.h writes it its names: function, source file and line where there is debug information, the
// module otherwise. A frame that cannot be named becomes "libm.so.6+0x1a2b". Other frames are left as they are. Both texts
// live as long as the symbols.
typedef struct {
  const char *function, *file;
  uint32_t line;
} MfNamedFrame;
bool mf_native_symbols_name (MfNativeSymbols *symbols, const char *function, const char *file, MfNamedFrame *named);

// What stands at an address as the file of the module counts it. `path` is absolute on the device; `build_id` are
// hexadecimal digits, "" = not known, which fits any file.
MfNativeAnswer mf_native_symbols_find (MfNativeSymbols *symbols, const char *path, const char *build_id, uint64_t address,
    MfNativePlace *place);
