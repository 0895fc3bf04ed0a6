// SPDX-License-Identifier: Apache-2.0
// Interned byte strings: equal bytes have one id for the life of the table. Looking up by id and
// finding an existing text take no lock; adding takes one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct MfIntern MfIntern;

enum { MF_INTERN_MAX_LENGTH = 65535 };

// `memory` must live longer than the table. `most` = the number of ids it may hold.
MfIntern *mf_intern_new (MfMemory *memory, uint32_t most);
void mf_intern_free (MfIntern *intern);

// The id of the bytes, from 1; 0 for no bytes at all, and when the table is full or memory is short
// (counted by mf_intern_refused). Longer texts are cut at MF_INTERN_MAX_LENGTH. Any thread.
uint32_t mf_intern_add (MfIntern *intern, const void *bytes, size_t length);

// The bytes of an id, followed by a NUL; an empty text for ids that were never given. Owned by the
// table. Any thread.
const char *mf_intern_get (const MfIntern *intern, uint32_t id, size_t *length);

uint64_t mf_intern_refused (const MfIntern *intern);
