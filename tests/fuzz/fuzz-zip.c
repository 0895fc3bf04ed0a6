// SPDX-License-Identifier: Apache-2.0
// Any bytes are read as a zip archive, and each member is unpacked up to a limit.
#include <stdlib.h>
#include <string.h>

#include "zip.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

static volatile uint64_t sum;

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  enum { LARGEST = 1 << 20, MOST = 1000 };
  PycZip zip;
  PycZipEntry entry;
  if (!pyc_zip_open (&zip, bytes, n))
    return 0;
  for (uint32_t i = 0; i < MOST && pyc_zip_next (&zip, &entry); i++) {
    for (size_t k = 0; k < entry.name_n; k++)
      sum += (uint8_t) entry.name[k];
    if (entry.n > LARGEST)
      continue;
    uint8_t *to = malloc (entry.n + 1);
    if (!pyc_zip_unpack (&entry, to) && entry.n)
      sum += to[entry.n - 1];
    free (to);
  }
  return 0;
}
