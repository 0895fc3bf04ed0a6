// SPDX-License-Identifier: Apache-2.0
// Text that may hold bytes of what was looked at, as people may get it on a terminal.
#pragma once

// Valid UTF-8 without control characters but line feeds; what is not gets a replacement. Free with g_free.
char *mf_clean_text (const char *text);
