// SPDX-License-Identifier: Apache-2.0
// Source lines from the line tables of CPython's code objects.
#pragma once

#include <stdint.h>

// The line of the instruction at byte offset `at` (negative = before the first one). `version` is
// 0x030b for 3.11 and tells the form: co_lnotab up to 3.9, co_linetable of 3.10, location tables
// since 3.11 (CPython Objects/lnotab_notes.txt, Objects/locations.md). 0 = it has no line. The
// table may be any bytes.
uint32_t mf_code_line (
    uint16_t version, uint32_t first_line, const uint8_t *table, uint32_t n, int32_t at);
