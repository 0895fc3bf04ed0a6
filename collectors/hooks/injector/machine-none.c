// SPDX-License-Identifier: Apache-2.0
// Machines whose registers and signal frames are not described here.
#include "machine.h"

#ifndef __x86_64__
const MfMachine *
mf_machine (void)
{
  return NULL;
}
#endif
