// SPDX-License-Identifier: Apache-2.0
// Rows that outlive their batch: a bounded number of copies, the first ones or the last ones.
#pragma once

#include "cells/cell-writer.h"

typedef struct MfKeptRows MfKeptRows;

enum { MF_KEPT_TEXT = 512 }; // bytes kept of each text field

// Keeps at most `limit` rows of a type (borrowed): the last ones, or else the first ones.
MfKeptRows *mf_kept_rows_new (const MfType *type, uint32_t limit, bool last, MfMemory memory);
void mf_kept_rows_free (MfKeptRows *kept);
void mf_kept_rows_clear (MfKeptRows *kept);

// Copies a row; false = out of memory. The batch's rows must be as long as the type's.
bool mf_kept_rows_add (MfKeptRows *kept, const MfBatch *batch, const uint8_t *row);

uint32_t mf_kept_rows_n (const MfKeptRows *kept);
uint64_t mf_kept_rows_seen (const MfKeptRows *kept); // since it was cleared, kept or not

// Row number i, oldest first, as a batch of one; valid until the next change.
MfBatch mf_kept_rows_get (const MfKeptRows *kept, uint32_t i);
