// SPDX-License-Identifier: Apache-2.0
// Tables in the order of strcmp, and the search in them.
#include "model/code-cost/known-names.h"

#include <stddef.h>
#include <string.h>

static const char *const of_firmware[] = {
#include "firmware-names.inc"
};

static const char *const of_python[] = {
#include "start-names.inc"
};

static bool
has (const char *const *names, size_t count, const uint8_t *bytes, uint32_t n)
{
  size_t low = 0, high = memchr (bytes, 0, n) ? 0 : count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strncmp (names[middle], (const char *) bytes, n);
    if (order == 0 && !names[middle][n])
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

bool
mf_firmware_has_name (const uint8_t *bytes, uint32_t n)
{
  return has (of_firmware, sizeof of_firmware / sizeof of_firmware[0], bytes, n);
}

bool
mf_python_starts_with_name (const uint8_t *bytes, uint32_t n)
{
  return has (of_python, sizeof of_python / sizeof of_python[0], bytes, n);
}
