// SPDX-License-Identifier: Apache-2.0
// Figures as words of a sentence: 12,904 B, 46.1 %, -39,712. C locale, whatever the environment.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

void mf_say_number (GString *to, uint64_t number);
void mf_say_bytes (GString *to, uint64_t bytes);
void mf_say_change (GString *to, int64_t bytes);                // +1,024, -1,024, 0
void mf_say_share (GString *to, uint64_t part, uint64_t whole); // 46.1 %
void mf_say_permille (GString *to, unsigned permille);
void mf_say_size (GString *to, uint64_t bytes); // 4 KiB where that is exact, else 12,904 B
// "8 blocks", "1 block"
void mf_say_count (GString *to, uint64_t n, const char *one, const char *many);
// A place in a heap: 0x14420, in region 2 of several "region 2 at 0x14420".
void mf_say_place (GString *to, uint32_t region, uint64_t offset, bool several);
