// SPDX-License-Identifier: Apache-2.0
// Names for native frames on their way into the run, for collectors.
#pragma once

#include <memflow/plugin.h>

#include "native-symbols.h"

// The frame as readers should see it. The symbols are opened at the first native frame; free them in `stop`.
static inline MfFrame
mf_native_named (MfStage *stage, MfNativeSymbols **symbols, const char *sysroot, MfFrame frame)
{
  MfNamedFrame named;
  const char *function = mf_string_text (stage, frame.function);
  if (function[0] != '+' || function[1] != '0')
    return frame;
  if (!*symbols)
    *symbols = mf_native_symbols_new (sysroot);
  if (!mf_native_symbols_name (*symbols, function, mf_string_text (stage, frame.file), &named))
    return frame;
  return (MfFrame) { mf_string (stage, named.function), mf_string (stage, named.file), named.line, 0 };
}
