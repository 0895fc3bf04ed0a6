// SPDX-License-Identifier: Apache-2.0
// How readers of compiled code fail.
#include "reading.h"

#include <stdarg.h>
#include <stdio.h>

bool
mf_code_fail (MfCodeError *error, size_t offset, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  error->offset = (uint32_t) offset;
  vsnprintf (error->text, sizeof error->text, format, arguments);
  va_end (arguments);
  return false;
}
