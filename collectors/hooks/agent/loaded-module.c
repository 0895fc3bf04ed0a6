// SPDX-License-Identifier: Apache-2.0
#include "loaded-module.h"

static int
look_into (struct dl_phdr_info *headers, size_t size, void *user)
{
  MfLoadedModule *module = user;
  uintptr_t low = UINTPTR_MAX, high = 0;
  const uint8_t *index = NULL;
  (void) size;
  for (int i = 0; i < headers->dlpi_phnum; i++) {
    const ElfW (Phdr) *part = &headers->dlpi_phdr[i];
    uintptr_t from = headers->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_EH_FRAME)
      index = (const uint8_t *) from;
    if (part->p_type != PT_LOAD)
      continue;
    low = from < low ? from : low;
    high = from + part->p_memsz > high ? from + part->p_memsz : high;
  }
  if (module->address < low || module->address >= high)
    return 0;
  module->frames = (MfModuleFrames) { (const uint8_t *) low, (const uint8_t *) high, index };
  module->headers = *headers;
  return 1;
}

bool
mf_loaded_module_find (uintptr_t address, MfLoadedModule *module)
{
  *module = (MfLoadedModule) { .address = address };
  return dl_iterate_phdr (look_into, module) == 1;
}
