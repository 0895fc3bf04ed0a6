// SPDX-License-Identifier: Apache-2.0
// Aborts when asked for its module.
#include <stdlib.h>

#include <memflow/plugin.h>

__attribute__ ((visibility ("default"))) const MfModule *memflow_module (void);

const MfModule *
memflow_module (void)
{
  abort ();
}
