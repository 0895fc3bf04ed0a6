// SPDX-License-Identifier: Apache-2.0
// Any bytes as the executable that is to be started.
#include <sys/mman.h>
#include <unistd.h>

#include "agent-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  static int fd = -1;
  MfElfKind kind;
  if (fd < 0)
    fd = memfd_create ("elf-kind", 0);
  if (ftruncate (fd, 0) || pwrite (fd, bytes, n, 0) != (ssize_t) n)
    return 0;
  if (!mf_elf_kind (fd, &kind))
    mf_elf_triplet (&kind);
  return 0;
}
