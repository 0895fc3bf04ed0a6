// SPDX-License-Identifier: Apache-2.0
// The line of one instruction: the ranges of the table up to it.
#include "code-lines.h"

#include "instructions.h"

uint32_t
mf_code_line (uint16_t version, uint32_t first_line, const uint8_t *table, uint32_t n, int32_t at)
{
  MfPyLines lines;
  MfPyLocation range;
  if (at < 0 || !n)
    return first_line;
  mf_py_lines_begin_table (&lines, version, (int32_t) first_line, table, n, (uint32_t) at + 1);
  while (mf_py_lines_next (&lines, &range))
    if ((uint32_t) at < range.end)
      return range.line == MF_PY_NO_LINE ? 0 : (uint32_t) range.line;
  return 0;
}
