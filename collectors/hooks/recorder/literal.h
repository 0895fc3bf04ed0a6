// SPDX-License-Identifier: Apache-2.0
// Values of options as people write them: 256KiB, 10s, yes. The spellings are those of configurations.
#pragma once

#include <memflow/plugin.h>

// Writes the value into the instance that holds the option. False = `why` says what to write instead.
bool mf_literal_set (const MfOption *option, const char *text, void *instance, char *why, size_t n);
// "SIZE", "TIME", "block|drop": what stands behind the name of the option.
void mf_literal_describe (const MfOption *option, char *text, size_t n);
