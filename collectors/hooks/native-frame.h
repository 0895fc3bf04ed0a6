// SPDX-License-Identifier: Apache-2.0
// How a native frame is written where its name is not known yet: function "+0x1a2b", the address in the file of its module;
// file "/usr/lib/libm.so.6#0f3c…", the module and its build-id. A capture carries it to where the files are. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_NATIVE_FUNCTION_MOST = 24, MF_NATIVE_FILE_MOST = 4096, MF_NATIVE_BUILD_ID_MOST = 64 };

// Both return the length; the texts are terminated. A path that is too long is cut.
size_t mf_native_function (char *text, uint64_t address);
size_t mf_native_file (char *text, const char *path, size_t n, const uint8_t *build_id, size_t n_build_id);

// Takes both apart. False = the frame is none of these. `path` has room for MF_NATIVE_FILE_MOST bytes; `build_id` points into
// `file`.
bool mf_native_frame_parse (const char *function, const char *file, uint64_t *address, char *path, const char **build_id);
