// SPDX-License-Identifier: Apache-2.0
// Changes its mind when asked for its module.
#include <memflow/plugin.h>

__attribute__ ((visibility ("default"))) const MfModule *memflow_module (void);

const MfModule *
memflow_module (void)
{
  return NULL;
}
