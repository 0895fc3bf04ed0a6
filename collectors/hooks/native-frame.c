// SPDX-License-Identifier: Apache-2.0
#include "native-frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t
mf_native_function (char *text, uint64_t address)
{
  return (size_t) snprintf (text, MF_NATIVE_FUNCTION_MOST, "+0x%" PRIx64, address);
}

size_t
mf_native_file (char *text, const char *path, size_t n, const uint8_t *build_id, size_t n_build_id)
{
  static const char digits[] = "0123456789abcdef";
  enum { PATH_MOST = MF_NATIVE_FILE_MOST - 2 * MF_NATIVE_BUILD_ID_MOST - 2 };
  n = n < PATH_MOST ? n : PATH_MOST;
  n_build_id = n_build_id < MF_NATIVE_BUILD_ID_MOST ? n_build_id : MF_NATIVE_BUILD_ID_MOST;
  memcpy (text, path, n);
  text[n++] = '#';
  for (size_t i = 0; i < n_build_id; i++) {
    text[n++] = digits[build_id[i] >> 4];
    text[n++] = digits[build_id[i] & 15];
  }
  text[n] = 0;
  return n;
}

bool
mf_native_frame_parse (const char *function, const char *file, uint64_t *address, char *path, const char **build_id)
{
  const char *hash = strrchr (file, '#');
  char *end;
  if (strncmp (function, "+0x", 3) || !hash || (size_t) (hash - file) >= MF_NATIVE_FILE_MOST)
    return false;
  *address = strtoull (function + 1, &end, 16);
  if (*end)
    return false;
  memcpy (path, file, (size_t) (hash - file));
  path[hash - file] = 0;
  *build_id = hash + 1;
  return true;
}
